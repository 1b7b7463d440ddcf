// Package drill rehearses failures on a running world: it breaks something on
// purpose, watches as customers do, heals it, and gives a verdict.
package drill
