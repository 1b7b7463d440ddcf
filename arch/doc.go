// Package arch keeps the rules of the house: who may import whom, what pure
// code may not call, how packages are named, described and sized. Each rule is
// data with its reason, and each fault that is found says what to do instead.
//
// It reads source and builds nothing, so it works on a tree that does not
// compile. `go test ./arch` runs every [Check] over the project.
package arch
