package owner

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"meridian/world"
)

// goneID is a picture that is not there any more, orderedID one of an order.
const (
	goneID    = "2000000000000ggg"
	orderedID = "2000000000000rrr"
)

// troubledMedia is a shelf with work that has failed.
func (d *desk) troubledMedia(asked *[]string, retry int) *shelfMedia {
	s := d.shelved()
	job := func(id int64, kind, state, picture, failure string) world.Job {
		return world.Job{Region: "ap-southeast", ID: id, Kind: kind, State: state, MediaID: picture, Target: "us-east", Attempts: int(id), Error: failure, At: noon}
	}
	failed := []world.Job{
		job(1, "prepare_version", world.JobFailed, cakeID, "The <picture> is damaged."), job(2, "remove_asset", world.JobFailed, goneID, ""),
		job(3, "judge_version", world.JobFailed, orderedID, "refused"), job(4, "new_kind", world.JobFailed, "", "x"),
	}
	d.media = func(r *http.Request) (int, any) {
		*asked = append(*asked, r.Method+" "+r.URL.Path+"?"+r.URL.RawQuery)
		switch rest := strings.TrimPrefix(r.URL.Path, "/media/sweet-crumbs"); {
		case rest == "/jobs" && r.URL.Query().Get("state") == world.JobFailed:
			return 200, worked{Jobs: failed, Missing: []string{"us-east"}}
		case rest == "/jobs":
			return 200, worked{Jobs: []world.Job{job(9, "replicate_original", world.JobRetrying, cakeID, "503: the disk is full")}}
		case rest == "/retry":
			return retry, map[string]any{"code": world.CodeNotFound, "status": retry, "detail": "no"}
		case rest == "":
			return 200, listed{}
		case rest == "/"+orderedID:
			m := s.m
			m.Audience = world.Private
			return 200, m
		}
		return s.answer(r)
	}
	return s
}

func TestWorkThatFailed(t *testing.T) {
	d := newDesk(t)
	var asked []string
	d.troubledMedia(&asked, 200)
	c := d.signedIn()
	res := c.get("/owner/pictures/work")
	want(t, res, 200, "Make its sizes in ap-southeast", "The &lt;picture&gt; is damaged.", `<a href="/owner/pictures/`+cakeID+`">&lt;cake&gt;`,
		"Remove it from us-east", "Picture "+goneID, "It is not known.", "Ask whether it may be shown", "not in the library", "new_kind",
		"Copy it to us-east", "Tried again by itself", "503: the disk is full", "1 try", "9 tries", `value="ap-southeast.9"`, "Some work is missing")
	if strings.Contains(res.Body.String(), `/`+orderedID+`"`) {
		t.Error("it links a picture of an order")
	}
	// The picture's own page shows its part of it.
	res = c.get("/owner/pictures/" + cakeID)
	want(t, res, 200, "Work on it that failed", `value="ap-southeast.1"`, `value="ap-southeast.9"`, `name="from" value="`+cakeID+`"`, `name="version" value="2"`)
	if strings.Contains(res.Body.String(), `value="ap-southeast.2"`) {
		t.Error("it shows another picture's work")
	}
	want(t, c.get("/owner/pictures"), 200, `<span class="tag bad">4</span>`)

	wantTo(t, c.post("/owner/pictures/work", url.Values{"job": {"ap-southeast.1"}}), "/owner/pictures/work?done=retry")
	if last := asked[len(asked)-1]; last != "POST /media/sweet-crumbs/retry?id=1&region=ap-southeast" {
		t.Errorf("media was asked %s", last)
	}
	wantTo(t, c.post("/owner/pictures/work", url.Values{"job": {"ap-southeast.1&x=y"}, "from": {cakeID}, "version": {"2"}}), "/owner/pictures/"+cakeID+"?done=retry.2")
	if last := asked[len(asked)-1]; last != "POST /media/sweet-crumbs/retry?id=1%26x%3Dy&region=ap-southeast" {
		t.Errorf("media was asked %s", last)
	}
	want(t, c.get("/owner/pictures/"+cakeID+"?done=retry.2"), 200, "It is tried again")
	wantTo(t, c.post("/owner/pictures/work", url.Values{"from": {"//elsewhere.example"}}), "/owner/pictures/work?done=retry")
}

func TestRetriesThatAreRefused(t *testing.T) {
	for status, says := range map[int]int{404: 303, 409: 303, 400: 400, 503: 503} {
		d := newDesk(t)
		var asked []string
		d.troubledMedia(&asked, status)
		d.media = answers(status, map[string]any{"code": map[int]world.Code{404: world.CodeNotFound, 409: world.CodeConflict, 400: world.CodeInvalid, 503: world.CodeUnavailable}[status], "status": status})
		if res := d.signedIn().post("/owner/pictures/work", url.Values{"job": {"eu-central.1"}}); res.Code != says {
			t.Errorf("media says %d, the page %d, want %d", status, res.Code, says)
		}
	}
}

func TestWorkThatCannotBeTold(t *testing.T) {
	d := newDesk(t)
	d.media = answers(503, nil)
	c := d.signedIn()
	want(t, c.get("/owner/pictures/work"), 200, "The work cannot be shown just now")
	d.media = answers(200, worked{})
	want(t, c.get("/owner/pictures/work"), 200, "Nothing has failed")
	stranger := d.at("de.localhost:8080")
	wantTo(t, stranger.get("/owner/pictures/work"), "/owner/sign-in?next="+url.QueryEscape("/owner/pictures/work"))
	wantTo(t, stranger.post("/owner/pictures/work", nil), "/owner/sign-in?next="+url.QueryEscape("/owner/pictures/work"))
	c.header.Set("Sec-Fetch-Site", "cross-site")
	want(t, c.post("/owner/pictures/work", nil), 403, "sent from another site")
}

// What waits is counted without what belongs to orders.
func TestWhatIsToDoIsCounted(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PageSize = 3 })
	private := cake()
	private.Audience = world.Private
	waiting := listed{Assets: []world.Manifest{cake(), private, cake()}}
	d.media = func(r *http.Request) (int, any) {
		switch q := r.URL.Query(); {
		case strings.HasSuffix(r.URL.Path, "/jobs"):
			return 200, worked{}
		case q.Get("moderation") == string(world.ModerationPending):
			return 200, waiting
		}
		return 200, listed{}
	}
	c := d.signedIn()
	res := c.get("/owner/pictures")
	want(t, res, 200, `Waiting for approval <span class="tag wait">2</span>`, `Work that failed</a>`)
	waiting.Next = "more"
	want(t, c.get("/owner/pictures"), 200, `<span class="tag wait">2&#43;</span>`)
}
