package dnsserver

// Code is a response code (RFC 6895 §2.3).
type Code uint16

// The codes that a server answers with.
const (
	CodeOK             Code = 0
	CodeFormat         Code = 1
	CodeServerFailure  Code = 2
	CodeNoName         Code = 3
	CodeNotImplemented Code = 4
	CodeRefused        Code = 5
	codeBadVersion     Code = 16
)

// Source knows what names are answered with.
type Source interface {
	// Answer fills in what a query of class IN gets. It keeps neither of the two.
	// Many are answered at once.
	Answer(q *Query, a *Answer)
}

// MostSets is how many sets an answer can have: a chain of aliases and its end.
const MostSets = 9

// Answer is what a query gets. Its zero value is an empty one.
type Answer struct {
	Code  Code
	Scope uint8 // bits of the client's address that it depends on

	sets   [MostSets]Timed
	count  int
	denied denial
}

// Timed is a set, and for how many seconds it is to be kept: at most as long as
// the set's own TTL.
type Timed struct {
	Set *Set
	TTL uint32
}

// denial says that there is no such name, or nothing of the type asked for.
type denial struct {
	soa    Timed
	name   Name
	exists bool
	types  []Type
}

// Add adds a set; false: there are too many.
func (a *Answer) Add(t Timed) bool {
	if a.count == MostSets {
		return false
	}
	a.sets[a.count] = t
	a.count++
	return true
}

// Sets are those that were added.
func (a *Answer) Sets() []Timed { return a.sets[:a.count] }

// Deny says that a name does not exist, or, with exists, that it has the given
// types only (none: there are only names below it). The zone's SOA says for how
// long (RFC 2308 §5): its TTL is that of the denial.
func (a *Answer) Deny(soa Timed, name Name, exists bool, types []Type) {
	a.denied = denial{soa: soa, name: name, exists: exists, types: types}
	if !exists && a.count == 0 {
		a.Code = CodeNoName
	}
}

// Denied reports whether the answer ends in a denial.
func (a *Answer) Denied() bool { return a.denied.soa.Set != nil }
