package front

// urgencies are the levels of RFC 9218 §4.1, 0 the most urgent.
const urgencies = 8

// priority2 is what a client wishes of a response (RFC 9218 §4).
type priority2 struct {
	urgency     uint8
	incremental bool
}

// defaultPriority is for requests that say nothing. The RFC's own default is
// not incremental, which would be one stream after another: that is for clients
// that know of it.
func defaultPriority(knows bool) priority2 { return priority2{urgency: 3, incremental: !knows} }

// parsePriority reads a Priority Field Value: a dictionary (RFC 9651 §3.2) of
// which u and i matter. What is unknown or out of range counts for nothing.
func parsePriority(s string) priority2 {
	p := defaultPriority(true)
	for len(s) > 0 {
		var member string
		member, s = cutMember(s)
		switch {
		case len(member) == 3 && member[:2] == "u=" && '0' <= member[2] && member[2] < '0'+urgencies:
			p.urgency = member[2] - '0'
		case member == "i", member == "i=?1":
			p.incremental = true
		case member == "i=?0":
			p.incremental = false
		}
	}
	return p
}

// cutMember is the first member of a dictionary without parameters and space,
// and what follows it. A comma inside of a string or parameter only makes
// members that nobody knows.
func cutMember(s string) (member, rest string) {
	end := len(s)
	for i := range len(s) {
		if s[i] == ',' {
			end, rest = i, s[i+1:]
			break
		}
	}
	member = s[:end]
	for i := range len(member) {
		if member[i] == ';' {
			member = member[:i]
			break
		}
	}
	for len(member) > 0 && (member[0] == ' ' || member[0] == '\t') {
		member = member[1:]
	}
	for len(member) > 0 && (member[len(member)-1] == ' ' || member[len(member)-1] == '\t') {
		member = member[:len(member)-1]
	}
	return member, rest
}

// queue2 holds the streams of one urgency that have something to send, linked
// by their next and prev.
type queue2 struct{ first, last *stream2 }

// push puts s at the end; one that is not incremental comes before others of
// its kind that were opened later (RFC 9218 §10).
func (q *queue2) push(s *stream2) {
	after := q.last
	if !s.prio.incremental {
		for after != nil && !after.prio.incremental && after.id > s.id {
			after = after.prev
		}
	}
	s.prev = after
	if after == nil {
		s.next, q.first = q.first, s
	} else {
		s.next, after.next = after.next, s
	}
	if s.next == nil {
		q.last = s
	} else {
		s.next.prev = s
	}
}

func (q *queue2) remove(s *stream2) {
	if s.prev == nil {
		q.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
}
