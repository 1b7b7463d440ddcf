package localworld

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Each address is told by http and by https, and how to have the certificate
// trusted; the world's directory where a command needs it.
func TestTheSummaryHasEveryAddress(t *testing.T) {
	p := planOf(shippedWorld(t), false)
	var out bytes.Buffer
	newReport(&out).ready(p)
	want := []string{"localhost:8080/"}
	for _, m := range p.w.Markets {
		want = append(want, m.Host+":8080/", m.Host+":8080/owner/")
	}
	for i := range p.w.PoPs {
		want = append(want, fmt.Sprintf("127.0.0.1:%d/", 8081+i))
	}
	for _, address := range want {
		for _, scheme := range []string{" http://", " https://"} {
			if !strings.Contains(out.String(), scheme+address+" ") {
				t.Errorf("%s%s is not told", scheme, address)
			}
		}
	}
	if !strings.Contains(out.String(), p.tls().Trust()) {
		t.Error("nothing says what to trust")
	}
	p.st.dir = "/elsewhere"
	out.Reset()
	newReport(&out).ready(p)
	if !strings.Contains(out.String(), "media put --dir /elsewhere ") {
		t.Errorf("a command would look for the world in another directory:\n%s", &out)
	}
}
