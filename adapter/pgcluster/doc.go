// Package pgcluster makes, starts, supervises and stops private PostgreSQL
// servers out of the system's binaries; unlike adapter/postgres it never opens
// a connection to one.
//
// A [Supervisor] is given [Spec]s. Prepare makes the data directories that are
// missing, Start runs the servers and waits until they take connections, Stop
// ends them. The README tells the life of a server and how each step fails.
package pgcluster
