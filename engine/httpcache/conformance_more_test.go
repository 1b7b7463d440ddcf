package httpcache

import "net/http"

// keyByPath is a key that can hold anything.
func keyByPath(r *http.Request) (string, bool) { return r.URL.Path, true }

// selecting has a response with Vary to a request with fields, and another request.
func selecting(vary string, first, second []string, want string) []step {
	return []step{
		{says: []string{"200 cake", fresh, "Vary: " + vary}, ask: append([]string{"GET /"}, first...), want: "origin", body: "cake"},
		{ask: append([]string{"GET /"}, second...), want: want, body: "cake"},
	}
}

var varying = []conformance{
	{name: "RFC 9111 §4.1: the same", steps: selecting("Foo", []string{"Foo: 1"}, []string{"Foo: 1"}, "cache")},
	{name: "RFC 9111 §4.1: another", steps: selecting("Foo", []string{"Foo: 1"}, []string{"Foo: 2"}, "origin")},
	{name: "RFC 9111 §4.1: absent, then present", steps: selecting("Foo", nil, []string{"Foo: 1"}, "origin")},
	{name: "RFC 9111 §4.1: present, then absent", steps: selecting("Foo", []string{"Foo: 1"}, nil, "origin")},
	{name: "RFC 9111 §4.1: absent both times", steps: selecting("Foo, Bar", []string{"Bar: 1"}, []string{"Bar: 1"}, "cache")},
	{name: "RFC 9111 §4.1: two fields", steps: selecting("Foo, Bar", []string{"Foo: 1", "Bar: 2"}, []string{"Foo: 1", "Bar: 2"}, "cache")},
	{name: "RFC 9111 §4.1: two fields, one another", steps: selecting("Foo, Bar", []string{"Foo: 1", "Bar: 2"}, []string{"Foo: 1", "Bar: 3"}, "origin")},
	{name: "RFC 9111 §4.1: values changed over", steps: selecting("Foo, Bar", []string{"Foo: 1", "Bar: 2"}, []string{"Foo: 2", "Bar: 1"}, "origin")},
	{name: "RFC 9111 §4.1: fields it does not name", steps: selecting("Foo", []string{"Foo: 1", "Other: 1"}, []string{"Foo: 1", "Other: 2"}, "cache")},
	{name: "RFC 9111 §4.1: its case", steps: selecting("fOO", []string{"Foo: 1"}, []string{"Foo: 2"}, "origin")},
	{name: "RFC 9111 §4.1: *", steps: selecting("*", nil, nil, "origin")},
	{name: "RFC 9111 §4.1: *, *", steps: selecting("*, *", nil, nil, "origin")},
	{name: "RFC 9111 §4.1: Foo, *", steps: selecting("Foo, *", nil, nil, "origin")},
	{name: "RFC 9111 §4.1: an empty member, *", steps: selecting(", *", nil, nil, "origin")},
	{name: "RFC 9110 §5.3: lines are a list", steps: selecting("Foo", []string{"Foo: 1, 2"}, []string{"Foo: 1", "Foo: 2"}, "cache")},
	{name: "RFC 9111 §4.1: Accept-Language, space", steps: selecting("Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: en ,  de"}, "cache")},
	{name: "RFC 9111 §4.1: Accept-Language, case", steps: selecting("Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: EN, De"}, "cache")},
	{name: "RFC 9111 §4.1: two variants", steps: []step{
		{says: []string{"200 one", fresh, "Vary: Foo"}, ask: []string{"GET /", "Foo: 1"}, want: "origin", body: "one"},
		{says: []string{"200 two", fresh, "Vary: Foo"}, ask: []string{"GET /", "Foo: 2"}, want: "origin", body: "two"},
		{ask: []string{"GET /", "Foo: 1"}, want: "cache", body: "one"}, {ask: []string{"GET /", "Foo: 2"}, want: "cache", body: "two"},
	}},
}

var validating = []conformance{
	{name: "RFC 9111 §4.3.1: a strong ETag", steps: twice(70, "validated", fresh, `ETag: "a"`)},
	{name: "RFC 9111 §4.3.1: a weak ETag", steps: twice(70, "validated", fresh, `ETag: W/"a"`)},
	{name: "RFC 9111 §4.3.1: Last-Modified", steps: twice(70, "validated", fresh, "Last-Modified: "+at(-600))},
	{name: "RFC 9111 §4.3.1: no validator", steps: twice(70, "origin", fresh)},
	{name: "RFC 9111 §4.3.1: the fields of Vary go along", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`, "Vary: Abc"}, ask: []string{"GET /", "Abc: 1"}, want: "origin", body: "cake"},
		{wait: 70, ask: []string{"GET /", "Abc: 1"}, want: "validated", body: "cake"},
	}},
	{name: "RFC 9111 §4.3.1: not with another's validator", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`, "Vary: Abc"}, ask: []string{"GET /", "Abc: 1"}, want: "origin", body: "cake"},
		{ask: []string{"GET /", "Abc: 2"}, want: "origin", body: "cake"},
	}},
	{name: "RFC 9111 §4.3.3: a full response replaces", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`}, want: "origin", body: "cake"},
		{wait: 70, says: []string{"200 tart", fresh, `ETag: "b"`}, want: "validated", body: "tart"}, {want: "cache", body: "tart"},
	}},
	{name: "RFC 9111 §4.3.4: a 304 freshens", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`}, want: "origin", body: "cake"},
		{wait: 70, want: "validated", body: "cake", has: []string{"Age:"}}, {wait: 30, want: "cache", body: "cake", has: []string{"Age: 30"}},
	}},
	{name: "RFC 9111 §3.2: a 304 changes fields", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`, "X-A: 1", "X-Kept: 1", "Content-Foo: 1", "Expires: " + at(60)}, want: "origin", body: "cake"},
		{wait: 70, says: []string{"200 cake", "Cache-Control: max-age=600", `ETag: "a"`, "X-A: 2", "Content-Foo: 2", "Expires: " + at(700)}, want: "validated", body: "cake",
			has: []string{"X-A: 2", "X-Kept: 1", "Content-Foo: 2", "Expires: " + at(700), "Content-Length: 4"}},
		{wait: 500, want: "cache", body: "cake", has: []string{"X-A: 2", "X-Kept: 1", "Cache-Control: max-age=600"}},
	}},
	{name: "RFC 9111 §4.3.5: a HEAD freshens", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`, "X-A: 1", "X-Kept: 1"}, want: "origin", body: "cake"},
		{wait: 70, says: []string{"200 cake", fresh, `ETag: "a"`, "X-A: 2"}, ask: []string{"HEAD /"}, want: "origin"},
		{want: "cache", body: "cake", has: []string{"X-A: 2", "X-Kept: 1"}},
	}},
	{name: "RFC 9111 §4.3.5: a HEAD of something else", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`}, want: "origin", body: "cake"},
		{wait: 70, says: []string{"200 tarts", fresh, `ETag: "b"`}, ask: []string{"HEAD /"}, want: "origin"}, {want: "validated", body: "tarts"},
	}},
	{name: "RFC 9110 §9.3.2: a HEAD from the store", steps: []step{
		{says: []string{"200 cake", fresh}, want: "origin", body: "cake"}, {ask: []string{"HEAD /"}, want: "cache", has: []string{"Content-Length: 4"}},
	}},
}

// conditional has a stored response with fields, and a request with conditions.
func conditional(want, body string, fields []string, conditions ...string) []step {
	return []step{
		{says: append([]string{"200 cake", fresh}, fields...), want: "origin", body: "cake"},
		{wait: 1, ask: append([]string{"GET /"}, conditions...), want: want, body: body},
	}
}

var conditionsOfClients = []conformance{
	{name: "RFC 9111 §4.3.2: If-None-Match, strong", steps: conditional("cache 304", "", []string{`ETag: "a"`}, `If-None-Match: "a"`)},
	{name: "RFC 9111 §4.3.2: If-None-Match, weak", steps: conditional("cache 304", "", []string{`ETag: W/"a"`}, `If-None-Match: W/"a"`)},
	{name: "RFC 9110 §8.8.3.2: weak and strong are the same here", steps: conditional("cache 304", "", []string{`ETag: "a"`}, `If-None-Match: W/"a"`)},
	{name: "RFC 9110 §13.1.2: a list, the first", steps: conditional("cache 304", "", []string{`ETag: "a"`}, `If-None-Match: "a", "b", "c"`)},
	{name: "RFC 9110 §13.1.2: a list, the last", steps: conditional("cache 304", "", []string{`ETag: "a"`}, `If-None-Match: "b", "c", "a"`)},
	{name: "RFC 9110 §13.1.2: another", steps: conditional("cache", "cake", []string{`ETag: "a"`}, `If-None-Match: "b"`)},
	{name: "RFC 9110 §13.1.2: *", steps: conditional("cache 304", "", nil, "If-None-Match: *")},
	{name: "RFC 9110 §13.2.2: If-None-Match before If-Modified-Since", steps: conditional("cache 304", "", []string{`ETag: "a"`, "Last-Modified: " + at(-5)}, `If-None-Match: "a"`, "If-Modified-Since: "+at(-600))},
	{name: "RFC 9110 §13.2.2: … also where it fails", steps: conditional("cache", "cake", []string{`ETag: "a"`, "Last-Modified: " + at(-5)}, `If-None-Match: "b"`, "If-Modified-Since: "+at(0))},
	{name: "RFC 9110 §13.1.3: not modified since", steps: conditional("cache 304", "", []string{"Last-Modified: " + at(-600)}, "If-Modified-Since: "+at(-600))},
	{name: "RFC 9110 §13.1.3: since an earlier day", steps: conditional("cache", "cake", []string{"Last-Modified: " + at(-600)}, "If-Modified-Since: "+at(-601))},
	{name: "RFC 9111 §4.3.2: Date for Last-Modified", steps: conditional("cache 304", "", nil, "If-Modified-Since: "+at(0))},
	{name: "RFC 9110 §15.4.5: a 304 has the ETag", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`, "Content-Location: /x", "Vary: Foo"}, want: "origin", body: "cake"},
		{ask: []string{"GET /", `If-None-Match: "a"`}, want: "cache 304", has: []string{`ETag: "a"`, "Content-Location: /x", "Vary: Foo", fresh, "Date: " + at(0), "Content-Type:"}},
	}},
	{name: "RFC 9111 §4.3.2: a client's condition does not fill the store with a 304", steps: []step{
		{says: []string{"200 cake", fresh, `ETag: "a"`}, ask: []string{"GET /", `If-None-Match: "a"`}, want: "origin 304"}, {want: "cache", body: "cake"},
	}},
	{name: "RFC 9110 §13.1.1: If-Match is the origin's", steps: []step{
		{says: []string{"412 no", fresh}, ask: []string{"GET /", `If-Match: "x"`}, want: "origin 412", body: "no"},
		{says: []string{"200 cake", fresh}, want: "origin", body: "cake"},
	}},
}

var rangesAndParts = []conformance{
	{name: "RFC 9110 §14.2: a range of a whole", steps: conditional("cache 206", "ak", nil, "Range: bytes=1-2")},
	{name: "RFC 9110 §14.1.2: an open range", steps: conditional("cache 206", "ake", nil, "Range: bytes=1-")},
	{name: "RFC 9110 §14.1.2: a suffix", steps: conditional("cache 206", "ke", nil, "Range: bytes=-2")},
	{name: "RFC 9110 §14.1.2: a suffix longer than all", steps: conditional("cache 206", "cake", nil, "Range: bytes=-9")},
	{name: "RFC 9110 §14.1.2: an end beyond all", steps: conditional("cache 206", "ke", nil, "Range: bytes=2-99")},
	{name: "RFC 9110 §15.5.17: beyond the end", steps: conditional("cache 416", "", nil, "Range: bytes=4-")},
	{name: "RFC 9110 §14.2: another unit", steps: conditional("cache", "cake", nil, "Range: lines=1-2")},
	{name: "RFC 9110 §14.1.1: malformed", steps: conditional("cache", "cake", nil, "Range: bytes=2-1")},
	{name: "RFC 9110 §13.1.5: If-Range, the same", steps: conditional("cache 206", "ca", []string{`ETag: "a"`}, "Range: bytes=0-1", `If-Range: "a"`)},
	{name: "RFC 9110 §13.1.5: If-Range, another", steps: conditional("cache", "cake", []string{`ETag: "a"`}, "Range: bytes=0-1", `If-Range: "b"`)},
	{name: "RFC 9110 §13.1.5: If-Range, weak", steps: conditional("cache", "cake", []string{`ETag: W/"a"`}, "Range: bytes=0-1", `If-Range: W/"a"`)},
	{name: "RFC 9110 §13.1.5: If-Range, a date", steps: conditional("cache 206", "ca", []string{"Last-Modified: " + at(-600)}, "Range: bytes=0-1", "If-Range: "+at(-600))},
	{name: "RFC 9110 §13.1.5: If-Range, another date", steps: conditional("cache", "cake", []string{"Last-Modified: " + at(-600)}, "Range: bytes=0-1", "If-Range: "+at(-500))},
	{name: "RFC 9111 §3.4: a part is stored", steps: []step{
		{says: []string{"206 67890", fresh, "Content-Range: bytes 5-9/10"}, ask: []string{"GET /", "Range: bytes=-5"}, want: "origin 206", body: "67890", has: []string{"Content-Range: bytes 5-9/10"}},
		{ask: []string{"GET /", "Range: bytes=-5"}, want: "cache 206", body: "67890"},
		{ask: []string{"GET /", "Range: bytes=6-8"}, want: "cache 206", body: "789", has: []string{"Content-Range: bytes 6-8/10", "Content-Length: 3"}},
		{ask: []string{"GET /", "Range: bytes=7-"}, want: "cache 206", body: "890"},
		{ask: []string{"GET /", "Range: bytes=-1"}, want: "cache 206", body: "0"},
	}},
	{name: "RFC 9111 §3.3: … and not for the whole", steps: []step{
		{says: []string{"206 67890", fresh, "Content-Range: bytes 5-9/10"}, ask: []string{"GET /", "Range: bytes=-5"}, want: "origin 206", body: "67890"},
		{says: []string{"200 1234567890", fresh}, want: "origin", body: "1234567890"},
	}},
	{name: "RFC 9111 §3.4: … and completed", steps: []step{
		{says: []string{"206 12345", fresh, `ETag: "a"`, "X-A: 1", "X-B: 1", "Content-Range: bytes 0-4/10"}, ask: []string{"GET /", "Range: bytes=0-4"}, want: "origin 206", body: "12345"},
		{says: []string{"206 67890", fresh, `ETag: "a"`, "X-A: 2", "Content-Range: bytes 5-9/10"}, want: "origin", body: "1234567890", has: []string{"X-A: 2", "X-B: 1", "Content-Range:"}},
		{want: "cache", body: "1234567890"},
	}},
	{name: "RFC 9110 §15.3.7: a part's fields stay with the whole", steps: []step{
		{says: []string{"200 cake", fresh, "X-A: 1"}, want: "origin", body: "cake"},
		{ask: []string{"GET /", "Range: bytes=0-1"}, want: "cache 206", body: "ca", has: []string{"X-A: 1", "Content-Length: 2"}},
	}},
}

// changing has a stored response, a request that may change it, and what is there then.
func changing(method, status, want string, fields ...string) []step {
	return []step{
		{says: []string{"200 cake", fresh}, want: "origin", body: "cake"},
		{says: append([]string{status}, fields...), ask: []string{method + " /"}, want: "origin " + status, body: "-"},
		{says: []string{"200 cake", fresh}, want: want, body: "cake"},
	}
}

// changingAnother likewise, of another path.
func changingAnother(field, want string) []step {
	return []step{
		{says: []string{"200 cake", fresh}, ask: []string{"GET /b"}, want: "origin", body: "cake"},
		{says: []string{"201", field}, ask: []string{"POST /"}, want: "origin 201"},
		{says: []string{"200 cake", fresh}, ask: []string{"GET /b"}, want: want, body: "cake"},
	}
}

var invalidating = []conformance{
	{name: "RFC 9111 §4.4: POST", steps: changing("POST", "200", "origin")},
	{name: "RFC 9111 §4.4: PUT", steps: changing("PUT", "201", "origin")},
	{name: "RFC 9111 §4.4: DELETE", steps: changing("DELETE", "202", "origin")},
	{name: "RFC 9111 §4.4: a method unknown", steps: changing("M-SEARCH", "200", "origin")},
	{name: "RFC 9111 §4.4: a redirection counts", steps: changing("POST", "303", "origin", "Location: /c")},
	{name: "RFC 9111 §4.4: an error does not", steps: changing("POST", "500", "cache")},
	{name: "RFC 9111 §4.4: nor does a client's", steps: changing("DELETE", "404", "cache")},
	{name: "RFC 9111 §4.4: OPTIONS is safe", steps: changing("OPTIONS", "200", "cache")},
	{name: "RFC 9111 §4.4: Location", steps: changingAnother("Location: /b", "origin")},
	{name: "RFC 9111 §4.4: Content-Location", steps: changingAnother("Content-Location: b", "origin")},
	{name: "RFC 9111 §4.4: of another origin", steps: changingAnother("Location: http://other.test/b", "cache")},
	{name: "RFC 9875 §3: a group", steps: []step{
		{says: []string{"200 cake", fresh, `Cache-Groups: "cakes"`}, ask: []string{"GET /b"}, want: "origin", body: "cake"},
		{says: []string{"204", `Cache-Group-Invalidation: "tarts", "cakes"`}, ask: []string{"POST /"}, want: "origin 204"},
		{says: []string{"200 cake", fresh}, ask: []string{"GET /b"}, want: "origin", body: "cake"},
	}},
	{name: "RFC 9875 §3: not in the answer to a GET", steps: []step{
		{says: []string{"200 cake", fresh, `Cache-Groups: "cakes"`}, ask: []string{"GET /b"}, want: "origin", body: "cake"},
		{says: []string{"200", `Cache-Group-Invalidation: "cakes"`}, want: "origin"}, {ask: []string{"GET /b"}, want: "cache", body: "cake"},
	}},
}

var constructing = []conformance{
	{name: "RFC 9211 §2: Cache-Status", steps: []step{
		{says: []string{"200 cake", fresh, "Cache-Status: shield; hit"}, want: "origin", body: "cake",
			has: []string{"Cache-Status: shield; hit, street; fwd=uri-miss; fwd-status=200; stored; ttl=60"}},
		{wait: 10, want: "cache", body: "cake", has: []string{"Cache-Status: shield; hit, street; hit; ttl=50"}},
	}},
	{name: "RFC 9211 §2.7: the key is a String", config: func(c *Config) {
		c.ShowKey, c.KeyOf = true, keyByPath
	}, steps: []step{
		{says: []string{"200 cake", fresh}, ask: []string{`GET /a%22b`}, want: "origin", body: "cake", has: []string{`Cache-Status: street; fwd=uri-miss; fwd-status=200; stored; ttl=60; key="/a\"b"`}},
	}},
	{name: "RFC 9110 §15.2: what is no answer to a GET is passed", steps: []step{
		{says: []string{"405 no", "Allow: GET"}, ask: []string{"PATCH /"}, want: "origin 405", body: "no", has: []string{"Allow: GET", "Cache-Status: street; fwd=method; fwd-status=405"}},
	}},
	{name: "RFC 9111 §3.1, RFC 9110 §6.5: trailers are dropped, not merged", steps: []step{
		{says: []string{"200 cake", fresh, "Trailer: X-Sum", http.TrailerPrefix + "X-Sum: 1"}, want: "origin", body: "cake", has: []string{"X-Sum:"}},
		{want: "cache", body: "cake", has: []string{"X-Sum:", "Trailer:"}},
	}},
	{name: "RFC 8246 §2: immutable", steps: []step{
		{says: []string{"200 cake", "Cache-Control: max-age=60, immutable", `ETag: "a"`}, want: "origin", body: "cake"},
		{wait: 10, ask: []string{"GET /", "Cache-Control: max-age=0"}, want: "cache", body: "cake"},
		{wait: 60, ask: []string{"GET /", "Cache-Control: max-age=0"}, want: "validated", body: "cake"},
	}},
}
