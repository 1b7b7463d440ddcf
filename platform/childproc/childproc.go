// Package childproc starts child processes that do not outlive this one: not
// even when it is killed with a signal that it cannot catch.
package childproc
