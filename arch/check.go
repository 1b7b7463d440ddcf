package arch

// Check is one rule of the house.
type Check struct {
	Name string
	Run  func(*Tree) []Finding
}

// Checks are all rules, in the order that a reader meets them.
func Checks() []Check {
	return []Check{
		{"parses", func(t *Tree) []Finding { return t.broken }},
		{"imports", checkImports},
		{"calls", checkCalls},
		{"init", checkInits},
		{"comments", checkComments},
		{"names", checkNames},
		{"sizes", checkSizes},
		{"folders", checkFolders},
		{"words", checkWords},
		{"dependencies", checkDependencies},
	}
}
