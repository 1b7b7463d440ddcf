// Package worldtest runs the whole world as a visitor's machine would, with
// the real binary in processes of its own, for the stories in test/story. It
// starts, stops and kills worlds, stands in cities and at PoPs, and buys and
// sells by the pages' own forms.
package worldtest
