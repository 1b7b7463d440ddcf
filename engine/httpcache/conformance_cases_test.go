package httpcache

var storing = []conformance{
	{name: "RFC 9111 §3: nothing says that it may be stored", steps: twice(0, "origin")},
	{name: "RFC 9111 §3: explicit freshness", steps: twice(59, "cache", fresh)},
	{name: "RFC 9111 §3: public alone, without anything to guess from", steps: twice(0, "origin", "Cache-Control: public")},
	{name: "RFC 9111 §3: 299, a final status like another", steps: statusTwice("299", "cache", fresh)},
	{name: "RFC 9111 §3: 203", steps: statusTwice("203", "cache", fresh)},
	{name: "RFC 9111 §3: 301", steps: statusTwice("301", "cache", fresh, "Location: /b")},
	{name: "RFC 9111 §3: 302", steps: statusTwice("302", "cache", fresh, "Location: /b")},
	{name: "RFC 9111 §3: 303", steps: statusTwice("303", "cache", fresh, "Location: /b")},
	{name: "RFC 9111 §3: 307", steps: statusTwice("307", "cache", fresh, "Location: /b")},
	{name: "RFC 9111 §3: 308", steps: statusTwice("308", "cache", fresh, "Location: /b")},
	{name: "RFC 9111 §3: 400", steps: statusTwice("400", "cache", fresh)},
	{name: "RFC 9111 §3: 404", steps: statusTwice("404", "cache", fresh)},
	{name: "RFC 9111 §3: 410", steps: statusTwice("410", "cache", fresh)},
	{name: "RFC 9111 §3: 499", steps: statusTwice("499", "cache", fresh)},
	{name: "RFC 9111 §3: 500", steps: statusTwice("500", "cache", fresh)},
	{name: "RFC 9111 §3: 503", steps: statusTwice("503", "cache", fresh)},
	{name: "RFC 9111 §3: 599", steps: statusTwice("599", "cache", fresh)},
	{name: "RFC 9110 §15.1: 201 has no heuristic", steps: statusTwice("201", "origin", "Last-Modified: "+at(-86400))},
	{name: "RFC 9110 §15.1: 403 has no heuristic", steps: statusTwice("403", "origin", "Last-Modified: "+at(-86400))},
	{name: "RFC 9110 §15.1: 502 has no heuristic", steps: statusTwice("502", "origin", "Last-Modified: "+at(-86400))},
	{name: "RFC 9111 §5.2.2.9: 599 has one when public", steps: statusTwice("599", "cache", "Last-Modified: "+at(-86400), "Cache-Control: public")},
	{name: "RFC 9110 §15.1: 404 has a heuristic", steps: statusTwice("404", "cache", "Last-Modified: "+at(-86400))},
	{name: "RFC 9110 §15.3.5: 204 has no content", steps: []step{
		{says: []string{"204", fresh}, want: "origin 204"}, {want: "cache 204", has: []string{"Content-Length:"}},
	}},
	{name: "RFC 9111 §3.1: hop-by-hop fields are not stored", steps: []step{
		{says: []string{"200 cake", fresh, "Connection: a, B", "A: 1", "B: 2", "C: 3", "Keep-Alive: x", "Proxy-Connection: x", "Te: x",
			"Proxy-Authenticate: x", "Proxy-Authentication-Info: x", "Proxy-Authorization: x", "Upgrade: x"}, want: "origin", body: "cake"},
		{want: "cache", body: "cake", has: []string{"A:", "B:", "C: 3", "Keep-Alive:", "Proxy-Connection:", "Te:", "Proxy-Authenticate:",
			"Proxy-Authentication-Info:", "Proxy-Authorization:", "Upgrade:"}},
	}},
	{name: "RFC 9111 §3.1: all other fields are", steps: []step{
		{says: []string{"200 cake", fresh, "Content-Foo: 1", "X-A: 2", "Set-Cookie: a=b", "Content-Location: /x", "Clear-Site-Data: \"cache\"",
			"Content-Language: de", "Link: </a>", "Warning: 199 - x"}, want: "origin", body: "cake"},
		{want: "cache", body: "cake", has: []string{"Content-Foo: 1", "X-A: 2", "Set-Cookie: a=b", "Content-Location: /x", "Clear-Site-Data: \"cache\"",
			"Content-Language: de", "Link: </a>", "Warning: 199 - x"}},
	}},
	{name: "RFC 9111 §3.5: Authorization", steps: []step{
		{says: []string{"200 cake", fresh}, ask: []string{"GET /", "Authorization: x"}, want: "origin", body: "cake"}, {want: "origin", body: "cake"},
	}},
	{name: "RFC 9111 §3.5: Authorization, public", steps: []step{
		{says: []string{"200 cake", "Cache-Control: max-age=60, public"}, ask: []string{"GET /", "Authorization: x"}, want: "origin", body: "cake"}, {want: "cache", body: "cake"},
	}},
	{name: "RFC 9111 §3.5: Authorization, s-maxage", steps: []step{
		{says: []string{"200 cake", "Cache-Control: s-maxage=60"}, ask: []string{"GET /", "Authorization: x"}, want: "origin", body: "cake"}, {want: "cache", body: "cake"},
	}},
	{name: "RFC 9111 §3.5: Authorization, must-revalidate", steps: []step{
		{says: []string{"200 cake", "Cache-Control: max-age=60, must-revalidate"}, ask: []string{"GET /", "Authorization: x"}, want: "origin", body: "cake"}, {want: "cache", body: "cake"},
	}},
	{name: "RFC 9111 §2: another query is another key", steps: []step{
		{says: []string{"200 cake", fresh}, ask: []string{"GET /?a=1"}, want: "origin", body: "cake"},
		{ask: []string{"GET /?a=2"}, want: "origin", body: "cake"}, {ask: []string{"GET /?a=1"}, want: "cache", body: "cake"},
	}},
	{name: "RFC 9111 §3: a request's Cookie is in no key", steps: []step{
		{says: []string{"200 cake", fresh}, want: "origin", body: "cake"}, {ask: []string{"GET /", "Cookie: a=b"}, want: "cache", body: "cake"},
	}},
	{name: "RFC 9111 §3: a POST is not", steps: []step{
		{says: []string{"200 cake", fresh}, ask: []string{"POST /"}, want: "origin", body: "cake"}, {want: "origin", body: "cake"},
	}},
}

var lifetimes = []conformance{
	{name: "RFC 9111 §4.2.1: max-age is over", steps: twice(60, "origin", fresh)},
	{name: "RFC 9111 §4.2.1: max-age=0", steps: twice(0, "origin", "Cache-Control: max-age=0")},
	{name: "RFC 9111 §4.2.1: s-maxage before max-age", steps: twice(59, "cache", "Cache-Control: max-age=1, s-maxage=60")},
	{name: "RFC 9111 §4.2.1: s-maxage before a longer max-age", steps: twice(2, "origin", "Cache-Control: max-age=60, s-maxage=1")},
	{name: "RFC 9111 §4.2.1: max-age before Expires", steps: twice(2, "origin", "Cache-Control: max-age=1", "Expires: "+at(60))},
	{name: "RFC 9111 §4.2.1: max-age before an Expires that is over", steps: twice(59, "cache", fresh, "Expires: "+at(-60))},
	{name: "RFC 9111 §4.2.1: max-age before an Expires that is none", steps: twice(59, "cache", fresh, "Expires: 0")},
	{name: "RFC 9111 §4.2.1: of two, the first", steps: twice(2, "origin", "Cache-Control: max-age=1, max-age=60")},
	{name: "RFC 9111 §4.2.1: of two lines, the first", steps: twice(59, "cache", fresh, "Cache-Control: max-age=1")},
	{name: "RFC 9111 §1.2.2: delta-seconds of 2^31", steps: twice(59, "cache", "Cache-Control: max-age=2147483648")},
	{name: "RFC 9111 §1.2.2: delta-seconds beyond it", steps: twice(59, "cache", "Cache-Control: max-age=99999999999")},
	{name: "RFC 9111 §1.2.2: leading zeros", steps: twice(59, "cache", "Cache-Control: max-age=0060")},
	{name: "RFC 9111 §5.2: a directive's case", steps: twice(59, "cache", "Cache-Control: MaX-aGe=60")},
	{name: "RFC 9111 §5.2: a quoted number", steps: twice(59, "cache", `Cache-Control: max-age="60"`)},
	{name: "RFC 9111 §5.2: in single quotes", steps: twice(0, "origin", "Cache-Control: max-age='60'")},
	{name: "RFC 9111 §5.2: an extension", steps: twice(59, "cache", "Cache-Control: foobar, max-age=60")},
	{name: "RFC 9111 §5.2: a directive in an extension's string", steps: twice(2, "origin", `Cache-Control: ext="max-age=60", max-age=1`)},
	{name: "RFC 9111 §5.2: … and behind", steps: twice(2, "origin", `Cache-Control: max-age=1, ext="max-age=60"`)},
	{name: "RFC 9111 §5.2: space before the value", steps: twice(0, "origin", "Cache-Control: max-age= 60")},
	{name: "RFC 9111 §5.3: Expires", steps: twice(59, "cache", "Expires: "+at(60))},
	{name: "RFC 9111 §5.3: Expires is over", steps: twice(61, "origin", "Expires: "+at(60))},
	{name: "RFC 9111 §5.3: Expires like Date", steps: twice(0, "origin", "Expires: "+at(0))},
	{name: "RFC 9111 §5.3: Expires 0", steps: twice(0, "origin", "Expires: 0")},
	{name: "RFC 9111 §5.3: Expires that is no date", steps: twice(0, "origin", "Expires: soon")},
	{name: "RFC 9111 §5.3: Expires in another zone", steps: twice(0, "origin", "Expires: Sun, 01 Jun 2025 13:00:00 UTC")},
	{name: "RFC 9110 §5.6.7: RFC 850 date", steps: twice(59, "cache", "Expires: Sunday, 01-Jun-25 13:00:00 GMT")},
	{name: "RFC 9110 §5.6.7: asctime date", steps: twice(59, "cache", "Expires: Sun Jun  1 13:00:00 2025")},
	{name: "RFC 9111 §4.2.1: of two Expires, the first", steps: twice(59, "cache", "Expires: "+at(60), "Expires: "+at(-60))},
	{name: "RFC 9111 §4.2.2: a tenth of the time unchanged", steps: twice(359, "cache", "Last-Modified: "+at(-3600))},
	{name: "RFC 9111 §4.2.2: … and no longer", steps: twice(361, "validated", "Last-Modified: "+at(-3600))},
	{name: "RFC 9213 §2.1: CDN-Cache-Control before Cache-Control", steps: twice(59, "cache", "CDN-Cache-Control: max-age=60", "Cache-Control: no-store")},
	{name: "RFC 9213 §2.1: a shorter one", steps: twice(2, "origin", "CDN-Cache-Control: max-age=1", fresh)},
	{name: "RFC 9213 §2.1: none before Expires", steps: twice(0, "origin", "CDN-Cache-Control: max-age=0", "Expires: "+at(60))},
	{name: "RFC 9213 §2.1: private in it", steps: twice(0, "origin", "CDN-Cache-Control: private", fresh)},
	{name: "RFC 9213 §2.1: no-store in it", steps: twice(0, "origin", "CDN-Cache-Control: no-store", fresh)},
	{name: "RFC 9213 §2.1: no-cache in it", steps: twice(0, "origin", "CDN-Cache-Control: no-cache", fresh)},
	{name: "RFC 9213 §2.1: malformed, it is ignored", steps: twice(0, "origin", "CDN-Cache-Control: max-age=60, &&&", "Cache-Control: no-store")},
	{name: "RFC 9213 §2.1: space before the value is malformed", steps: twice(2, "origin", "CDN-Cache-Control: max-age= 60", "Cache-Control: max-age=1")},
	{name: "RFC 9213 §2.1: a String is not the type", steps: twice(0, "origin", `CDN-Cache-Control: max-age="60"`, "Cache-Control: no-store")},
	{name: "RFC 5861 §3 in a targeted field", steps: []step{
		{says: []string{"200 cake", "CDN-Cache-Control: max-age=10, stale-while-revalidate=10", "Cache-Control: no-store"}, want: "origin", body: "cake"},
		{wait: 9, want: "cache", body: "cake"},
	}},
}

var ages = []conformance{
	{name: "RFC 9111 §4.2.3: Age counts", steps: twice(0, "origin", fresh, "Age: 60")},
	{name: "RFC 9111 §4.2.3: Age and time", steps: twice(31, "origin", fresh, "Age: 30")},
	{name: "RFC 9111 §4.2.3: Age with Expires", steps: twice(0, "origin", "Expires: "+at(60), "Age: 60")},
	{name: "RFC 9111 §4.2.3: an old Date", steps: twice(0, "origin", fresh, "Date: "+at(-60))},
	{name: "RFC 9111 §4.2.3: a Date to come", steps: twice(59, "cache", fresh, "Date: "+at(600))},
	{name: "RFC 9111 §5.1: Age that is no number", steps: twice(59, "cache", fresh, "Age: abc")},
	{name: "RFC 9111 §5.1: a negative Age", steps: twice(59, "cache", fresh, "Age: -7200")},
	{name: "RFC 9111 §5.1: a broken Age", steps: twice(59, "cache", fresh, "Age: 7200.0")},
	{name: "RFC 9111 §5.1: Age with a parameter", steps: twice(59, "cache", fresh, "Age: 7200;a=b")},
	{name: "RFC 9111 §5.1: a list, the first counts", steps: twice(59, "cache", fresh, "Age: 0, 7200")},
	{name: "RFC 9111 §5.1: a list, the first is old", steps: twice(0, "origin", fresh, "Age: 7200, 0")},
	{name: "RFC 9111 §5.1: lines, the first counts", steps: twice(59, "cache", fresh, "Age: 0", "Age: 7200")},
	{name: "RFC 9111 §5.1: lines, the first is old", steps: twice(0, "origin", fresh, "Age: 7200", "Age: 0")},
	{name: "RFC 9111 §1.2.2: an Age of 2^31", steps: twice(0, "origin", fresh, "Age: 2147483648")},
	{name: "RFC 9111 §1.2.2: an Age beyond it", steps: twice(0, "origin", fresh, "Age: 99999999999999999999")},
	{name: "RFC 9111 §5.1: Age is generated", steps: []step{
		{says: []string{"200 cake", fresh, "Age: 30"}, want: "origin", body: "cake", has: []string{"Age: 30"}},
		{wait: 5, want: "cache", body: "cake", has: []string{"Age: 35"}},
	}},
	{name: "RFC 9111 §5.1: … with Expires", steps: []step{
		{says: []string{"200 cake", "Expires: " + at(60)}, want: "origin", body: "cake"}, {wait: 5, want: "cache", body: "cake", has: []string{"Age: 5"}},
	}},
	{name: "RFC 9110 §6.6.1: Date stays", steps: []step{
		{says: []string{"200 cake", fresh, "Date: " + at(-5)}, want: "origin", body: "cake"},
		{wait: 5, want: "cache", body: "cake", has: []string{"Date: " + at(-5), "Age: 10"}},
	}},
}

var directivesOfResponses = []conformance{
	{name: "RFC 9111 §5.2.2.5: no-store", steps: twice(0, "origin", "Cache-Control: no-store", "Expires: "+at(60))},
	{name: "RFC 9111 §5.2.2.5: its case", steps: twice(0, "origin", "Cache-Control: No-StOrE, max-age=60")},
	{name: "RFC 9111 §5.2.2.7: private", steps: twice(0, "origin", "Cache-Control: private, max-age=60")},
	{name: "RFC 9111 §5.2.2.7: private with a name", steps: []step{
		{says: []string{"200 cake", `Cache-Control: private="x-a", max-age=60`, "X-A: 1"}, want: "origin", body: "cake", has: []string{"X-A: 1"}},
		{want: "cache", body: "cake", has: []string{"X-A:"}},
	}},
	{name: "RFC 9111 §5.2.2.4: no-cache", steps: twice(0, "origin", "Cache-Control: no-cache, max-age=60")},
	{name: "RFC 9111 §5.2.2.4: no-cache is validated", steps: twice(0, "validated", "Cache-Control: no-cache", `ETag: "a"`)},
	{name: "RFC 9111 §5.2.2.4: … even with freshness", steps: twice(0, "validated", "Cache-Control: No-CaChE, max-age=60", `ETag: "a"`)},
	{name: "RFC 9111 §5.2.2.4: no-cache with names", steps: []step{
		{says: []string{"200 cake", `Cache-Control: no-cache="a, B", max-age=60`, "A: 1", "B: 2", "C: 3"}, want: "origin", body: "cake"},
		{want: "cache", body: "cake", has: []string{"A:", "B:", "C: 3"}},
	}},
	{name: "RFC 9111 §5.2.2.2: must-revalidate while fresh", steps: twice(59, "cache", "Cache-Control: max-age=60, must-revalidate")},
	{name: "RFC 9111 §5.2.2.2: must-revalidate when stale", steps: twice(60, "validated", "Cache-Control: max-age=60, must-revalidate", `ETag: "a"`)},
	{name: "RFC 9111 §5.2.2.3: must-understand, a status understood", steps: twice(0, "cache", "Cache-Control: max-age=60, no-store, must-understand")},
	{name: "RFC 9111 §5.2.2.3: must-understand, one that is not", steps: statusTwice("599", "origin", "Cache-Control: max-age=60, no-store, must-understand")},
	{name: "RFC 9111 §4.2.4: must-revalidate forbids stale use", steps: afterAnError("max-age=60, stale-if-error=99, must-revalidate", "refused 502")},
	{name: "RFC 9111 §4.2.4: proxy-revalidate does", steps: afterAnError("max-age=60, stale-if-error=99, proxy-revalidate", "refused 502")},
	{name: "RFC 9111 §4.2.4: no-cache does", steps: afterAnError("max-age=60, stale-if-error=99, no-cache", "refused 502")},
	{name: "RFC 9111 §4.2.4: s-maxage does", steps: afterAnError("s-maxage=60, stale-if-error=99", "refused 502")},
	{name: "RFC 9111 §4.2.4: nothing allows it", steps: afterAnError("max-age=60", "refused 502")},
	{name: "RFC 5861 §4: stale-if-error", steps: afterAnError("max-age=60, stale-if-error=99", "cache")},
	{name: "RFC 5861 §4: its time is over", steps: afterAnError("max-age=60, stale-if-error=9", "refused 502")},
	{name: "RFC 5861 §4: a 503 is an error", steps: []step{
		{says: []string{"200 cake", "Cache-Control: max-age=60, stale-if-error=99"}, want: "origin", body: "cake"},
		{wait: 70, says: []string{"503 sick"}, want: "origin", body: "cake"},
	}},
	{name: "RFC 9111 §5.4: Pragma in a response is nothing", steps: twice(59, "cache", fresh, "Pragma: no-cache")},
}

// afterAnError has the origin hang up 70 s after a response.
func afterAnError(control, want string) []step {
	return []step{
		{says: []string{"200 cake", "Cache-Control: " + control, `ETag: "a"`}, want: "origin", body: "cake"},
		{wait: 70, down: true, want: want, body: map[bool]string{true: "cake", false: "-"}[want == "cache"]},
	}
}

var directivesOfRequests = []conformance{
	{name: "RFC 9111 §5.2.1.1: max-age", steps: asking(10, "max-age=5", "validated")},
	{name: "RFC 9111 §5.2.1.1: max-age=0", steps: asking(0, "max-age=0", "cache")},
	{name: "RFC 9111 §5.2.1.1: max-age that is enough", steps: asking(10, "max-age=10", "cache")},
	{name: "RFC 9111 §5.2.1.2: max-stale", steps: asking(70, "max-stale=20", "cache")},
	{name: "RFC 9111 §5.2.1.2: max-stale that is not enough", steps: asking(70, "max-stale=5", "validated")},
	{name: "RFC 9111 §5.2.1.3: min-fresh", steps: asking(10, "min-fresh=55", "validated")},
	{name: "RFC 9111 §5.2.1.4: no-cache", steps: asking(10, "no-cache", "validated")},
	{name: "RFC 9111 §5.2.1.5: no-store", steps: []step{
		{says: []string{"200 cake", fresh}, ask: []string{"GET /", "Cache-Control: no-store"}, want: "origin", body: "cake"}, {want: "origin", body: "cake"},
	}},
	{name: "RFC 9111 §5.2.1.7: only-if-cached, and it is", steps: asking(10, "only-if-cached", "cache")},
	{name: "RFC 9111 §5.2.1.7: only-if-cached, and it is not", steps: []step{
		{says: []string{"200 cake", fresh}, ask: []string{"GET /", "Cache-Control: only-if-cached"}, want: "cache 504", body: "-"},
	}},
	{name: "RFC 9111 §5.4: Pragma without Cache-Control", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`}, want: "origin", body: "cake"},
		{ask: []string{"GET /", "Pragma: no-cache"}, want: "validated", body: "cake"},
		{ask: []string{"GET /", "Pragma: no-cache", "Cache-Control: max-age=60"}, want: "cache", body: "cake"},
	}},
}

// asking has a response of 60 s, and a request with a directive some time later.
func asking(wait int, directive, want string) []step {
	return []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`}, want: "origin", body: "cake"},
		{wait: wait, ask: []string{"GET /", "Cache-Control: " + directive}, want: want, body: "cake"},
	}
}
