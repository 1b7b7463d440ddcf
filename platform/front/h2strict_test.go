package front

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

var hello = table{"/hit": answerOf([]byte("hello"))}

func TestAHitIsAnswered(t *testing.T) {
	bubble(t, rigOf{hits: hello}, func(t *testing.T, r *rig) {
		r.get(1, "/hit")
		r.ask(3, plainly("HEAD", "/hit")...)
		r.expect("HEADERS 1 200", "DATA 1 5 END", "HEADERS 3 200 END")
		r.get(5, "/other")
		r.expect("HEADERS 5 200", "DATA 5 7 END")
		r.get(7, "/hit", "authorization", "x")
		r.expect("HEADERS 7 200", "DATA 7 7 END")
		if r.heads[1]["etag"] != `"abc"` || string(r.data[1]) != "hello" || string(r.data[5]) != "handled" || string(r.data[7]) != "handled" {
			t.Errorf("%v, %q, %q, %q", r.heads[1], r.data[1], r.data[5], r.data[7])
		}
	})
}

// A malformed request (RFC 9113 §8.1.1) is reset and nobody sees it; the
// connection goes on.
func TestMalformedRequests(t *testing.T) {
	with := func(name, value string) []string { return plainly("GET", "/", name, value) }
	for name, fields := range map[string][]string{
		"no method (§8.3.1)":                {":scheme", "https", ":authority", "a", ":path", "/"},
		"no scheme":                         {":method", "GET", ":authority", "a", ":path", "/"},
		"no path":                           {":method", "GET", ":scheme", "https", ":authority", "a"},
		"no authority, no Host":             {":method", "GET", ":scheme", "https", ":path", "/"},
		"empty path":                        plainly("GET", ""),
		"path without slash":                plainly("GET", "x"),
		"absolute form":                     plainly("GET", "https://shop.example/"),
		"star for GET":                      plainly("GET", "*"),
		"space in the path":                 plainly("GET", "/a b"),
		"fragment in the path":              plainly("GET", "/a#b"),
		"unknown scheme":                    {":method", "GET", ":scheme", "ftp", ":authority", "a", ":path", "/"},
		"method is no token":                plainly("G T", "/"),
		"two methods":                       with(":method", "GET"),
		"pseudo-field after others (§8.3)":  with(":path", "/b"),
		"unknown pseudo-field":              append([]string{":unknown", "x"}, plainly("GET", "/")...),
		"pseudo-field of a response":        append([]string{":status", "200"}, plainly("GET", "/")...),
		"extended CONNECT (not offered)":    append([]string{":protocol", "websocket"}, plainly("CONNECT", "/")...),
		"CONNECT with a path (§8.5)":        plainly("CONNECT", "/"),
		"upper case (§8.2.1)":               with("Accept", "x"),
		"space in a name":                   with("a b", "x"),
		"colon in a name":                   with("a:b", "x"),
		"line feed in a value":              with("a", "x\ny: z"),
		"return in a value":                 with("a", "x\ry"),
		"nul in a value":                    with("a", "x\x00y"),
		"space before a value":              with("a", " x"),
		"tab after a value":                 with("a", "x\t"),
		"Connection (§8.2.2)":               with("connection", "keep-alive"),
		"Keep-Alive":                        with("keep-alive", "1"),
		"Proxy-Connection":                  with("proxy-connection", "x"),
		"Transfer-Encoding":                 with("transfer-encoding", "chunked"),
		"Upgrade":                           with("upgrade", "h2c"),
		"TE with more than trailers":        with("te", "trailers, gzip"),
		"Host that differs (§8.3.1)":        with("host", "other.example"),
		"Host with userinfo":                {":method", "GET", ":scheme", "https", ":path", "/", "host", "me@shop.example"},
		"authority with userinfo":           {":method", "GET", ":scheme", "https", ":authority", "me@shop.example", ":path", "/"},
		"authority with a path":             {":method", "GET", ":scheme", "https", ":authority", "shop.example/x", ":path", "/"},
		"length of what does not come":      with("content-length", "1"),
		"length that is no number":          with("content-length", "+0"),
		"length twice":                      plainly("GET", "/", "content-length", "0", "content-length", "0"),
		"length beyond what can be counted": with("content-length", strings.Repeat("9", 19)),
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			bubble(t, rigOf{handler: func(http.ResponseWriter, *http.Request) { seen++ }}, func(t *testing.T, r *rig) {
				r.ask(1, fields...)
				r.expect("RST 1 PROTOCOL_ERROR")
				if seen > 0 {
					t.Error("the handler saw it")
				}
				r.get(3, "/")
				r.expect("HEADERS 3 200 END")
			})
		})
	}
}

func TestUnusualRequestsThatAreWellFormed(t *testing.T) {
	for name, fields := range map[string][]string{
		"Host alone":              {":method", "GET", ":scheme", "https", ":path", "/", "host", "shop.example"},
		"Host as authority":       plainly("GET", "/", "host", "Shop.Example"),
		"te: trailers":            plainly("GET", "/", "te", "trailers"),
		"empty value":             plainly("GET", "/", "accept", ""),
		"OPTIONS *":               plainly("OPTIONS", "*"),
		"a method of one's own":   plainly("BAKE", "/"),
		"CONNECT":                 {":method", "CONNECT", ":authority", "a:443"},
		"obs-text":                plainly("GET", "/", "a", "caf\xe9"),
		"http behind another TLS": {":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"},
		"no content, and said so": plainly("POST", "/", "content-length", "0"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOf{}, func(t *testing.T, r *rig) {
				r.ask(1, fields...)
				r.expect("HEADERS 1 200", "DATA 1 7 END")
			})
		})
	}
}

// Frames that a connection does not survive (RFC 9113 §3.4, §4, §5.1, §6).
func TestConnectionErrors(t *testing.T) {
	raw := func(kind http2.FrameType, flags http2.Flags, stream uint32, payload string) func(*rig) {
		return func(r *rig) { r.must(r.fr.WriteRawFrame(kind, flags, stream, []byte(payload))) }
	}
	setting := func(id http2.SettingID, v uint32) func(*rig) {
		return func(r *rig) { r.must(r.fr.WriteSettings(http2.Setting{ID: id, Val: v})) }
	}
	for name, c := range map[string]struct {
		do   func(*rig)
		code string
	}{
		"frame larger than allowed (§4.2)":      {raw(http2.FrameHeaders, 4, 1, strings.Repeat("x", maxReadFrame+1)), "FRAME_SIZE_ERROR"},
		"DATA on stream 0 (§6.1)":               {raw(http2.FrameData, 0, 0, "x"), "PROTOCOL_ERROR"},
		"DATA on an idle stream (§5.1)":         {raw(http2.FrameData, 0, 1, "x"), "PROTOCOL_ERROR"},
		"DATA with too much padding":            {raw(http2.FrameData, 8, 1, "\x05abc"), "PROTOCOL_ERROR"},
		"HEADERS on stream 0 (§6.2)":            {raw(http2.FrameHeaders, 4, 0, ""), "PROTOCOL_ERROR"},
		"HEADERS on an even stream (§5.1.1)":    {func(r *rig) { r.get(2, "/") }, "PROTOCOL_ERROR"},
		"HEADERS with too much padding":         {raw(http2.FrameHeaders, 4|8, 1, "\x05abc"), "PROTOCOL_ERROR"},
		"RST_STREAM on an idle stream (§6.4)":   {raw(http2.FrameRSTStream, 0, 1, "\x00\x00\x00\x08"), "PROTOCOL_ERROR"},
		"RST_STREAM of another length":          {raw(http2.FrameRSTStream, 0, 1, "\x00\x00\x08"), "FRAME_SIZE_ERROR"},
		"SETTINGS on a stream (§6.5)":           {raw(http2.FrameSettings, 0, 1, ""), "PROTOCOL_ERROR"},
		"SETTINGS ack with payload":             {raw(http2.FrameSettings, 1, 0, "123456"), "FRAME_SIZE_ERROR"},
		"SETTINGS of half a setting":            {raw(http2.FrameSettings, 0, 0, "123"), "FRAME_SIZE_ERROR"},
		"ENABLE_PUSH 2 (§6.5.2)":                {setting(http2.SettingEnablePush, 2), "PROTOCOL_ERROR"},
		"INITIAL_WINDOW_SIZE beyond 2^31-1":     {setting(http2.SettingInitialWindowSize, 1<<31), "FLOW_CONTROL_ERROR"},
		"MAX_FRAME_SIZE below 2^14":             {setting(http2.SettingMaxFrameSize, 1<<14-1), "PROTOCOL_ERROR"},
		"MAX_FRAME_SIZE beyond 2^24-1":          {setting(http2.SettingMaxFrameSize, 1<<24), "PROTOCOL_ERROR"},
		"NO_RFC7540_PRIORITIES 2 (RFC 9218)":    {setting(http2.SettingNoRFC7540Priorities, 2), "PROTOCOL_ERROR"},
		"PUSH_PROMISE (§8.4)":                   {raw(http2.FramePushPromise, 4, 1, "\x00\x00\x00\x02"), "PROTOCOL_ERROR"},
		"PING on a stream (§6.7)":               {raw(http2.FramePing, 0, 1, "12345678"), "PROTOCOL_ERROR"},
		"PING of another length":                {raw(http2.FramePing, 0, 0, "1234567"), "FRAME_SIZE_ERROR"},
		"GOAWAY on a stream (§6.8)":             {raw(http2.FrameGoAway, 0, 1, "12345678"), "PROTOCOL_ERROR"},
		"WINDOW_UPDATE on an idle stream":       {raw(http2.FrameWindowUpdate, 0, 1, "\x00\x00\x00\x01"), "PROTOCOL_ERROR"},
		"WINDOW_UPDATE of nothing (§6.9)":       {raw(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x00"), "PROTOCOL_ERROR"},
		"window beyond 2^31-1 (§6.9.1)":         {raw(http2.FrameWindowUpdate, 0, 0, "\x7f\xff\xff\xff"), "FLOW_CONTROL_ERROR"},
		"CONTINUATION after nothing (§6.10)":    {raw(http2.FrameContinuation, 4, 1, ""), "PROTOCOL_ERROR"},
		"other frame inside of a field block":   {func(r *rig) { raw(http2.FrameHeaders, 1, 1, "")(r); raw(http2.FramePing, 0, 0, "12345678")(r) }, "PROTOCOL_ERROR"},
		"unknown frame inside of a field block": {func(r *rig) { raw(http2.FrameHeaders, 1, 1, "")(r); raw(0x77, 0, 0, "")(r) }, "PROTOCOL_ERROR"},
		"CONTINUATION of another stream":        {func(r *rig) { raw(http2.FrameHeaders, 1, 1, "")(r); raw(http2.FrameContinuation, 4, 3, "")(r) }, "PROTOCOL_ERROR"},
		"field block that cannot be decoded":    {raw(http2.FrameHeaders, 5, 1, "\xff\xff\xff\xff\xff\xff"), "COMPRESSION_ERROR"},
		"field block cut short":                 {raw(http2.FrameHeaders, 5, 1, "\x40\x05ab"), "COMPRESSION_ERROR"},
		"PRIORITY_UPDATE of a push (RFC 9218)":  {raw(http2.FramePriorityUpdate, 0, 0, "\x00\x00\x00\x02u=1"), "PROTOCOL_ERROR"},
		"stream numbers that go back (§5.1.1)":  {func(r *rig) { r.get(5, "/"); r.get(3, "/") }, "STREAM_CLOSED"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOf{}, func(t *testing.T, r *rig) {
				c.do(r)
				r.pass(time.Second) // the server lingers
				got := r.take()
				if n := len(got); n < 2 || !strings.HasSuffix(got[n-2], c.code) || !strings.HasPrefix(got[n-2], "GOAWAY") || got[n-1] != "closed" {
					t.Errorf("got %q, want %s", got, c.code)
				}
			})
		})
	}
}

func TestThePrefaceMustComeFirst(t *testing.T) {
	for name, bytes := range map[string]string{
		"HTTP/1.1":             "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"a preface gone wrong": "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
		"no SETTINGS":          http2.ClientPreface + "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678",
		"SETTINGS ack":         http2.ClientPreface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOf{mute: true}, func(t *testing.T, r *rig) {
				go r.conn.Write([]byte(bytes)) // it may never be read to its end
				r.pass(time.Second)
				r.expect("GOAWAY 0 PROTOCOL_ERROR", "closed")
			})
		})
	}
}

// What may not be sent on a stream in its state ends the stream (RFC 9113 §5.1).
func TestStreamStates(t *testing.T) {
	waiting := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	send := func(do func(*rig), want ...string) {
		t.Helper()
		bubble(t, rigOf{handler: waiting}, func(t *testing.T, r *rig) {
			do(r)
			r.expect(want...)
		})
	}
	send(func(r *rig) { r.get(1, "/"); r.must(r.fr.WriteData(1, false, []byte("x"))) }, "RST 1 STREAM_CLOSED")
	send(func(r *rig) { r.get(1, "/"); r.get(1, "/") }, "RST 1 STREAM_CLOSED")
	send(func(r *rig) { r.get(1, "/"); r.must(r.fr.WriteWindowUpdate(1, 0)) }, "RST 1 PROTOCOL_ERROR")
	send(func(r *rig) { r.get(1, "/"); r.must(r.fr.WriteWindowUpdate(1, maxWindow)) }, "RST 1 FLOW_CONTROL_ERROR")
	send(func(r *rig) { r.open(1, false, plainly("POST", "/")...); r.open(1, false, "a", "b") }, "RST 1 PROTOCOL_ERROR")
	send(func(r *rig) { r.open(1, false, plainly("POST", "/")...); r.ask(1, ":path", "/") }, "RST 1 PROTOCOL_ERROR")
	send(func(r *rig) { r.open(1, false, plainly("POST", "/")...); r.ask(1, "Upper", "x") }, "RST 1 PROTOCOL_ERROR")
	send(func(r *rig) { r.must(r.fr.WritePriority(1, http2.PriorityParam{StreamDep: 3})) })
	send(func(r *rig) {
		r.get(1, "/")
		r.must(r.fr.WritePriority(1, http2.PriorityParam{StreamDep: 1}))
	}, "RST 1 PROTOCOL_ERROR")
	send(func(r *rig) { // what is under way for a stream that was reset here is dropped
		r.open(1, false, plainly("POST", "/", "content-length", "1")...)
		r.must(r.fr.WriteData(1, false, []byte("too much")))
		r.must(r.fr.WriteData(1, false, []byte("and more")))
		r.ask(1, "a", "b")
		r.must(r.fr.WriteWindowUpdate(1, 1))
		r.must(r.fr.WriteRSTStream(1, http2.ErrCodeCancel))
	}, "RST 1 PROTOCOL_ERROR")
	send(func(r *rig) { // and what the client closed is closed
		r.get(1, "/")
		r.must(r.fr.WriteRSTStream(1, http2.ErrCodeCancel))
		r.must(r.fr.WriteData(1, false, []byte("x")))
	}, "RST 1 STREAM_CLOSED")
	send(func(r *rig) { // unknown frames and flags mean nothing (§5.5)
		r.must(r.fr.WriteRawFrame(0x77, 0xff, 0, []byte("x")))
		r.must(r.fr.WriteRawFrame(0x77, 0xff, 1, []byte("x")))
		r.must(r.fr.WritePing(false, [8]byte{1}))
	}, "PING ack")
}

func TestContentLengthIsKept(t *testing.T) {
	for _, c := range []struct{ length, first, second string }{
		{"3", "ab", ""}, {"3", "abcd", ""}, {"0", "a", ""}, {"3", "ab", "cd"},
	} {
		bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}, func(t *testing.T, r *rig) {
			r.open(1, false, plainly("POST", "/", "content-length", c.length)...)
			r.must(r.fr.WriteData(1, c.second == "", []byte(c.first)))
			if c.second != "" {
				r.must(r.fr.WriteData(1, true, []byte(c.second)))
			}
			r.expect("RST 1 PROTOCOL_ERROR")
		})
	}
	bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}, func(t *testing.T, r *rig) {
		r.open(1, false, plainly("POST", "/", "content-length", "3")...)
		r.must(r.fr.WriteData(1, false, []byte("ab")))
		r.ask(1, "trailer", "x") // trailers end it as well
		r.expect("RST 1 PROTOCOL_ERROR")
	})
}
