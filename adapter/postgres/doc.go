// Package postgres keeps Meridian's rows: the stores of every role over the
// catalog and resident clusters, their migrations, the outbox feed and the
// job queue. It starts no server; adapter/pgcluster does.
package postgres
