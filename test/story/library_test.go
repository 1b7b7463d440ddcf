package story

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"meridian/test/worldtest"
)

const library = "/owner/pictures"

// partSize is how many bytes the library's page sends at once.
const partSize = 4 << 20

// TestAnInterruptedUploadGoesOnByThePage sends a picture of about 50 MB from the
// library's page. The owner's own link is cut in the middle: the page says so, and
// where it goes on. Then the page is closed: the next one goes on too.
func TestAnInterruptedUploadGoesOnByThePage(t *testing.T) {
	w := theWorld(t)
	large := deepScan(t, 2880) // 49.8 MB, of few pixels: it is the way that is tested
	file := write(t, t.TempDir(), "large.png", large)
	b := open(t, site(t, w, "de"))
	ownerIn(b, w, "de")
	b.visit(library)
	picturesLoad(b, "the library") // none shall be on its way when the link is cut
	b.forgive("/tus/")
	b.choose("#picture", file)
	b.until("a fifth is sent", `document.querySelector(".sending progress")?.value > 10e6`)

	heal := cut(t, w, "places/frankfurt", "refuse")
	b.shows(".sending .told", "Interrupted at")
	interrupted := percentOf(t, b.text(".sending .told"))
	if said := b.text("#sending-says"); !strings.Contains(said, "large.png: Interrupted at") {
		t.Errorf("who hears the page is told %q", said)
	}
	if shown := js[string](b, `document.querySelector(".sending .acts button").innerText`); shown != "Try now" {
		t.Errorf("it offers %q", shown)
	}
	b.shot("interrupted")
	heal()
	b.do(b.click(".sending .acts button"))
	b.shows(".sending .told", "Resumed at")
	if at := percentOf(t, b.text(".sending .told")); at < interrupted || at < 10 {
		t.Errorf("it was interrupted at %d %%, and goes on at %d %%", interrupted, at)
	}
	b.shot("resumed")

	b.until("half is sent", `document.querySelector(".sending progress")?.value > 25e6`)
	b.visit(library)
	b.shows(".sending .told", "Choose the same file again")
	closed := percentOf(t, b.text(".sending .told"))
	b.shot("closed")
	b.forgive("") // from here on nothing is cut
	noteWhatIsTold(b)
	b.choose("#picture", file)
	if b.shooting() {
		b.shows(".sending .told", "Resumed at")
		b.shot("resumed-after-reload")
	}
	b.until("the page shows what has come", `location.search.startsWith("?added=") && document.readyState === "complete"`)
	if said := b.text(".notice"); !strings.Contains(said, "Taken in: large.png") {
		t.Errorf("the page says %q", said)
	}
	told := js[string](b, `sessionStorage.getItem("told")`)
	if at := percentOf(t, told[max(0, strings.Index(told, "Resumed at")):]); at < closed || at < 40 {
		t.Errorf("the page was closed at %d %%, the next says %s", closed, told)
	}
	sentOnce(t, b, len(large))

	id := js[string](b, `new URLSearchParams(location.search).get("added")`)
	b.leads(200, b.click(fmt.Sprintf(`.tiles a[href="%s/%s"]`, library, id)))
	copiesAreKept(t, b, w)
	b.leads(200, b.click("a.danger"))
	b.leads(200, b.click("button.danger"))
	b.shows(".notice", "Deleted")
	goneFromEveryPoP(t, w, fmt.Sprintf("/img/%s/%s/v1/webp/320x0", w.Plan.App, id))
}

// TestAnUploadThatWaitsCanBePaused pauses a picture before its turn: when that comes
// it stays paused, and the page offers to go on.
func TestAnUploadThatWaitsCanBePaused(t *testing.T) {
	w := theWorld(t)
	dir := t.TempDir()
	var files []string
	for i := range 3 { // one more than are sent at once
		files = append(files, write(t, dir, fmt.Sprintf("%d.jpg", i), grainy(t, 300)))
	}
	b := open(t, site(t, w, "de"))
	ownerIn(b, w, "de")
	b.visit(library)
	picturesLoad(b, "the library")
	b.forgive("/")
	heal := cut(t, w, "places/frankfurt", "blackhole")
	b.choose("#picture", files...)
	const third = ".sending li:nth-child(3)"
	b.shows(third+" .told", "Waits for its turn")
	b.do(b.click(third + " .acts button"))
	b.shows(third+" .told", "Paused at 0 %")
	b.do(b.click(".sending li:first-child .acts .quiet"))
	b.until("the first is given up", `document.querySelectorAll(".sending li").length === 2`)
	const now = ".sending li:nth-child(2)"
	if told, offers := b.text(now+" .told"), b.text(now+" .acts button"); !strings.Contains(told, "Paused") || offers != "Go on" {
		t.Errorf("its turn has come: %q, and it offers %q", told, offers)
	}
	heal()
	js[bool](b, `(document.querySelectorAll(".sending .acts .quiet").forEach((end) => end.click()), true)`)
}

// noteWhatIsTold keeps what the first upload's row says, for whoever comes too late
// to read it.
func noteWhatIsTold(b *browser) {
	b.t.Helper()
	js[bool](b, `(() => {
		sessionStorage.setItem("told", "");
		const told = document.querySelector(".sending .told");
		new MutationObserver(() => sessionStorage.setItem("told", sessionStorage.getItem("told") + told.textContent + "; ")).observe(told, { childList: true, characterData: true, subtree: true });
		return true;
	})()`)
}

// percentOf is the first percentage in a text.
func percentOf(t *testing.T, text string) int {
	t.Helper()
	found := regexp.MustCompile(`(\d+) %`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("%q tells no percentage", text)
	}
	n, _ := strconv.Atoi(found[1]) // digits
	return n
}

// sentOnce looks at the requests that an upload of a size with interruptions took:
// it was begun once, never went back, and each time that it was asked how far it
// had come cost no more than the part that was on its way.
func sentOnce(t *testing.T, b *browser, size int) {
	t.Helper()
	const uploads = "/media/"
	if begun := b.requests(http.MethodPost, uploads); len(begun) != 1 {
		t.Errorf("%d uploads were begun", len(begun))
	}
	total, before := 0, 0
	for _, r := range b.requests(http.MethodPatch, uploads) {
		at, err := strconv.Atoi(fmt.Sprint(r.headers["Upload-Offset"]))
		if err != nil || at < before {
			t.Errorf("a part begins at %v after one at %d", r.headers["Upload-Offset"], before)
		}
		before = at
		total += min(partSize, size-at)
	}
	breaks := len(b.requests(http.MethodHead, uploads))
	t.Logf("%d bytes were sent of %d, and it was asked %d times where to go on", total, size, breaks)
	if total < size || total > size+breaks*partSize {
		t.Errorf("%d bytes were sent of %d", total, size)
	}
}

// copiesAreKept looks at a picture's page until every region has a good copy.
func copiesAreKept(t *testing.T, b *browser, w *worldtest.World) {
	t.Helper()
	rows := js[int](b, `document.querySelectorAll("section[aria-labelledby=copies] tbody tr").length`)
	if rows != len(w.Plan.Regions) {
		t.Errorf("it shows %d regions of %d", rows, len(w.Plan.Regions))
	}
	eventually(t, copiedWithin, "each region's copy is kept, the others' verified", func() bool {
		b.visit(js[string](b, `location.pathname`))
		return js[bool](b, `[...document.querySelectorAll("section[aria-labelledby=copies] tbody tr")].every((row) =>
			row.innerText.includes("Kept and verified") || row.innerText.includes("taken in here") && row.innerText.includes("Kept"))`)
	})
}

// TestTheLibrary adds pictures, changes one in every way that its page offers,
// and decides about it, as its owner does.
func TestTheLibrary(t *testing.T) {
	w := theWorld(t)
	b := open(t, site(t, w, "de"))
	b.tall()
	ownerIn(b, w, "de")
	b.visit(library)
	dropped(t, b, w)
	id := withoutScript(t, b, write(t, t.TempDir(), "kuchen.jpg", photo(t)))
	placeholders(t, b, id)

	b.leads(200, b.click(fmt.Sprintf(`.tiles a[href="%s/%s"]`, library, id)))
	copiesAreKept(t, b, w)
	picturesLoad(b, "the picture's page")
	focus(t, b)
	version := func(n int) string { return fmt.Sprintf("/img/%s/%s/v%d/webp/320x0", w.Plan.App, id, n) }
	newVersion(t, b)
	cachedAtEveryPoP(t, w, version(3))

	b.leads(200, b.click(`button[name="version"][value="1"]`))
	b.shows(".notice", "Version 1 is shown again")
	if shown := b.text("section[aria-labelledby=versions] .holds th"); !strings.HasPrefix(shown, "1 shown now") {
		t.Errorf("the versions say %q", shown)
	}
	audited(b, "picture")

	b.forgive("/moderation")
	b.leads(400, b.click(`button[value="withheld"]`))
	b.shows(".notice", "Write why it is withheld")
	b.do(chromedp.SendKeys(chromedp.CSS(`.judge [name="reason"]`), "not a cake"))
	b.leads(200, b.click(`button[value="withheld"]`))
	b.shows("section[aria-labelledby=moderation]", "not a cake")
	b.shows("section[aria-labelledby=use]", "no address")
	goneFromEveryPoP(t, w, version(1))
	goneFromEveryPoP(t, w, version(3))
	b.leads(200, b.click(`button[value="approved"]`))
	cachedAtEveryPoP(t, w, version(1))

	b.leads(200, b.click("a.danger"))
	audited(b, "delete")
	b.leads(200, b.click("button.danger"))
	b.shows(".notice", "Deleted")
	if js[bool](b, fmt.Sprintf(`!!document.querySelector('.tiles a[href$="%s"]')`, id)) {
		t.Error("the library still shows it")
	}
	for n := range 3 {
		goneFromEveryPoP(t, w, version(n+1))
	}
}

// dropped drops a picture and a text on the page: one is taken, the other is
// told of, and its row can be dismissed.
func dropped(t *testing.T, b *browser, w *worldtest.World) {
	t.Helper()
	b.forgive("/tus/")
	js[bool](b, `(async () => {
		const canvas = Object.assign(document.createElement("canvas"), { width: 120, height: 90 });
		const pen = canvas.getContext("2d");
		pen.fillStyle = "#c03020";
		pen.fillRect(0, 0, 60, 90);
		const picture = await new Promise((done) => canvas.toBlob(done, "image/png"));
		const files = new DataTransfer();
		files.items.add(new File([picture], "dropped & clear.png", { type: "image/png" }));
		files.items.add(new File(["no picture"], "list.txt", { type: "text/plain" }));
		files.items.add(new File(["no picture"], "broken.jpg", { type: "image/jpeg" }));
		for (const name of ["dragenter", "dragover", "drop"]) {
			document.querySelector("main").dispatchEvent(new DragEvent(name, { bubbles: true, cancelable: true, dataTransfer: files }));
		}
		return true;
	})()`)
	b.shows("#sending-more", "Show the new pictures")
	rows := js[[]string](b, `[...document.querySelectorAll(".sending li")].map((row) => row.className + ": " + row.querySelector(".told").innerText)`)
	want := []string{"done: Taken in", "fault: This is not a picture."}
	if len(rows) != 3 || rows[0] != want[0] || rows[1] != want[1] || !strings.HasPrefix(rows[2], "fault: ") || len(rows[2]) < 20 {
		t.Errorf("the page says %q", rows)
	}
	audited(b, "dropped")
	signedOut(t, b, w)
	b.do(b.click(".sending .fault .quiet"))
	if n := js[int](b, `document.querySelectorAll(".sending li").length`); n != 3 {
		t.Errorf("%d rows are left", n)
	}
	b.leads(200, b.click("#sending-more a"))
	b.shows(".notice", "dropped & clear.png")
	b.shows(".notice", "late.jpg")
}

// signedOut sends a picture after the session has ended, and once more when the
// owner has signed in again in another tab.
func signedOut(t *testing.T, b *browser, w *worldtest.World) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.choose("#picture", write(t, t.TempDir(), "late.jpg", photo(t)))
	b.shows(".sending li:last-child .told", "Your session has ended")
	b.shot("signed-out")
	js[bool](b, fmt.Sprintf(`fetch("/owner/sign-in", { method: "POST", body: new URLSearchParams({ email: %q, password: %q }) }).then((r) => r.ok)`,
		worldtest.OwnerEmail("de"), w.Secrets(t).Owners["de"]))
	b.do(b.click(".sending li:last-child .plain"))
	b.shows(".sending li:last-child .told", "Taken in")
}

// withoutScript sends a picture by the plain form.
func withoutScript(t *testing.T, b *browser, file string) (id string) {
	t.Helper()
	script := func(off bool) {
		if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}); err != nil {
			t.Fatal(err)
		}
	}
	script(true)
	b.visit(library)
	if js[bool](b, `document.querySelector(".drop").checkVisibility()`) {
		t.Error("without its script the page offers to drop pictures")
	}
	b.choose("#picture", file)
	b.leads(200, b.click("form.send button"))
	b.shows(".notice", "Taken in: kuchen.jpg")
	script(false)
	return js[string](b, `new URLSearchParams(location.search).get("added")`)
}

// placeholders looks at the library while no picture comes: likenesses are there,
// and every tile has the place that it has with its picture.
func placeholders(t *testing.T, b *browser, id string) {
	t.Helper()
	block := func(patterns ...*network.BlockPattern) {
		if _, err := chromedp.Call(b.ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: patterns}); err != nil {
			t.Fatal(err)
		}
	}
	const places = `JSON.stringify([...document.querySelectorAll(".tiles li")].map((e) => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }))`
	b.forgive("/img/")
	block(&network.BlockPattern{URLPattern: "*://*:*/img/*", Block: true})
	b.visit(library)
	tile := fmt.Sprintf(`.tiles a[href="%s/%s"]`, library, id)
	if !js[bool](b, fmt.Sprintf(`(() => { const ground = document.querySelector('%s .ground'), picture = document.querySelector('%s .ground + img');
		return ground.src.startsWith("data:image/png;") && ground.naturalWidth > 4 && ground.getBoundingClientRect().width > 100 && picture.naturalWidth === 0; })()`, tile, tile)) {
		t.Errorf("no likeness lies in the picture's place: %s", js[string](b, fmt.Sprintf(`document.querySelector('%s').innerHTML`, tile)))
	}
	b.shot("placeholders")
	without := js[string](b, places)
	block()
	b.visit(library)
	picturesLoad(b, "the library")
	if with := js[string](b, places); with != without {
		t.Errorf("the tiles lie at %s without their pictures, and at %s with them", without, with)
	}
	audited(b, "library")
}

// focus sets the focal point, by a click and by the keyboard.
func focus(t *testing.T, b *browser) {
	t.Helper()
	at := js[[]float64](b, `(() => { const r = document.querySelector('[data-stage="focus"]').getBoundingClientRect(); return [r.x + r.width / 4, r.y + r.height * 0.75]; })()`)
	b.do(chromedp.MouseClickXY(at[0], at[1]))
	for field, want := range map[string]float64{"focus-x": 25, "focus-y": 75} {
		got, err := strconv.ParseFloat(js[string](b, fmt.Sprintf(`document.getElementById(%q).value`, field)), 64)
		if err != nil || got < want-1 || got > want+1 {
			t.Errorf("after the click %s is %v, want about %v", field, got, want)
		}
	}
	b.fill("focus-x", "30")
	b.do(b.press(kb.ArrowUp))
	if !strings.Contains(js[string](b, `document.getElementById("focus-mark").getAttribute("transform")`), "translate(186 ") { // 31 % of 600
		t.Errorf("the mark stands at %s", js[string](b, `document.getElementById("focus-mark").getAttribute("transform")`))
	}
	b.leads(200, b.press(kb.Enter))
	b.shows(".notice", "The focal point is saved")
	if got := js[string](b, `document.getElementById("focus-x").value`); got != "31" {
		t.Errorf("it is kept as %s", got)
	}
}

// newVersion crops and turns the picture, by a pointer and the fields.
func newVersion(t *testing.T, b *browser) {
	t.Helper()
	js[bool](b, `(document.querySelector('[data-stage="crop"]').scrollIntoView({ block: "center" }), true)`)
	box := js[[]float64](b, `(() => { const r = document.querySelector('[data-stage="crop"]').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()`)
	drag(b, box[0]+box[2]/4, box[1]+box[3]/4, box[0]+box[2]*3/4, box[1]+box[3]*3/4)
	if got := js[string](b, `["crop-x", "crop-w"].map((id) => Math.round(document.getElementById(id).value / 10)).join(" ")`); got != "15 30" {
		t.Errorf("half of the picture was drawn, and the fields say %s tens of 600", got)
	}
	b.fill("crop-x", "100")
	b.fill("crop-w", "400")
	js[bool](b, `(() => { const turn = document.getElementById("rotate"); turn.value = "1"; return turn.dispatchEvent(new Event("input")); })()`)
	b.leads(200, b.click("#crop-form button.main"))
	b.shows(".notice", "Saved as version 3")
	b.shows("section[aria-labelledby=versions]", "Version 2 cropped, turned by 90°")
}

// drag draws from one place to another.
func drag(b *browser, x, y, toX, toY float64) {
	b.t.Helper()
	b.do(chromedp.MouseEvent("mousePressed", x, y, chromedp.ClickCount(1), chromedp.ButtonType("left")),
		chromedp.MouseEvent("mouseMoved", (x+toX)/2, (y+toY)/2, chromedp.ButtonType("left")),
		chromedp.MouseEvent("mouseMoved", toX, toY, chromedp.ButtonType("left")),
		chromedp.MouseEvent("mouseReleased", toX, toY, chromedp.ClickCount(1), chromedp.ButtonType("left")))
}

// TestTheQueueAndTheWorkThatFailed decides about what waits, and has work that was
// given up tried again.
func TestTheQueueAndTheWorkThatFailed(t *testing.T) {
	w := theWorld(t)
	judge := []string{"Authorization", "Bearer " + w.Secrets(t).JudgeToken}
	near := w.AtPoP(t, "de", "fra")
	var ids []string
	for range 2 {
		var put struct {
			MediaID string `json:"media_id"`
		}
		a := near.Send(t, "PUT", "/media/"+w.Plan.App+"?name=wartet.jpg", photo(t), "Authorization", "Bearer "+w.Secrets(t).UploadToken)
		if err := json.Unmarshal(a.Body, &put); err != nil || a.Status != http.StatusCreated {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		ids = append(ids, put.MediaID)
		said(t, near.Send(t, "POST", "/media/"+w.Plan.App+"/"+put.MediaID+"/moderation", []byte(`{"state":"pending","by":"otto"}`), judge...), http.StatusOK)
	}
	b := open(t, site(t, w, "de"))
	b.tall()
	ownerIn(b, w, "de")
	b.visit(library)
	b.leads(200, b.click(`a[href="/owner/pictures/queue"]`))
	picturesLoad(b, "the queue")
	audited(b, "queue")
	of := func(id, what string) string {
		return fmt.Sprintf(`form[action$="%s/moderation"] %s`, id, what)
	}
	b.leads(200, b.click(of(ids[0], `[value="approved"]`)))
	b.shows(".notice", "Approved")
	cachedAtEveryPoP(t, w, fmt.Sprintf("/img/%s/%s/v1/webp/320x0", w.Plan.App, ids[0]))
	b.do(chromedp.SendKeys(chromedp.CSS(of(ids[1], `[name="reason"]`)), "blurred"))
	b.leads(200, b.click(of(ids[1], `[value="withheld"]`)))
	b.shows(".notice", "Withheld")
	b.shows("main", "Nothing waits")
	b.shot("queue-empty")

	const park = `update river_job set state = 'discarded', finalized_at = now(), attempt = 3,
		errors = array[jsonb_build_object('at', now(), 'attempt', 3, 'error', 'unprocessed: the picture is damaged', 'trace', '')]
		where id = (select max(id) from river_job j where kind = 'prepare_version' and args ->> 'media_id' = $1 and state = 'completed'
			and not exists (select 1 from river_job o where o.args = j.args and o.finalized_at is null))`
	conn := w.Catalog(t, "eu-central")
	defer conn.Close(t.Context())
	eventually(t, copiedWithin, "its sizes are made, and then said not to be", func() bool {
		done, err := conn.Exec(t.Context(), park, ids[0])
		if err != nil {
			t.Fatal(err)
		}
		return done.RowsAffected() == 1
	})
	b.visit(library)
	b.leads(200, b.click(`a[href="/owner/pictures/work"]`))
	b.shows("main table", "the picture is damaged")
	b.shows("main table", "wartet.jpg")
	audited(b, "work")
	b.leads(200, b.click(fmt.Sprintf(`a[href="%s/%s"]`, library, ids[0])))
	b.shows("section[aria-labelledby=failed]", "the picture is damaged")
	b.leads(200, b.click(`button[name="job"]`))
	b.shows(".notice", "It is tried again")
	eventually(t, copiedWithin, "nothing has failed any more", func() bool {
		b.visit(library + "/work")
		return strings.Contains(b.text("main"), "Nothing has failed")
	})
	b.shot("work-empty")
}
