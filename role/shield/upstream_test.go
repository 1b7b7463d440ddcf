package shield

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/upstream"
	"meridian/test/tiertest"
)

// While a role is silent one request at a time waits for it. The others are told
// at once, the role that does answer is none the worse for it, and when the
// silent one is back the first who asks finds out.
func TestASilentRoleIsTriedByOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		silent := true
		f.media.Will(func(r *http.Request) (*http.Response, error) {
			if silent {
				time.Sleep(Default().RoleTimeout)
				return tiertest.Refuses(r)
			}
			return tiertest.Says("media")(r)
		})
		ask := func(path string) (int, time.Duration) {
			began, w := time.Now(), httptest.NewRecorder()
			f.ServeHTTP(w, httptest.NewRequest("GET", "http://de.localhost"+path, nil))
			return w.Code, time.Since(began)
		}
		if status, took := ask(picture + "webp/640x0"); status != 502 || took != Default().RoleTimeout {
			t.Errorf("the first: %d after %v", status, took)
		}
		go ask(picture + "webp/320x0")
		synctest.Wait()
		if status, took := ask(picture + "avif/640x0"); status != 503 || took != 0 {
			t.Errorf("beside the one that tries it: %d after %v", status, took)
		}
		if status, _ := ask("/p/a"); status != 200 || f.ShopRole().Hops[0].State != upstream.Closed || f.MediaRole().Hops[0].State == upstream.Closed {
			t.Errorf("%d; shop %+v, media %+v", status, f.ShopRole(), f.MediaRole())
		}
		time.Sleep(Default().RoleTimeout)
		silent = false
		synctest.Wait()
		if status, _ := ask(picture + "jpeg/640x0"); status != 200 || f.MediaRole().Hops[0].State != upstream.Closed {
			t.Errorf("when it is back: %d, %+v", status, f.MediaRole())
		}
	})
}
