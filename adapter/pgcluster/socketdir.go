package pgcluster

// MakeSocketDir makes the directory of the servers' sockets before any server
// starts, so that others can put theirs into it, and tells whose it is. A
// socket that servers shall connect to must belong to that user.
func (s *Supervisor) MakeSocketDir(dir string) (uid, gid int, err error) {
	const op = "pgcluster.sockets"
	own, err := findOwner(op, s.opts.Owner)
	if err != nil {
		return 0, 0, err
	}
	if err := own.makeSocketDir(op, dir); err != nil {
		return 0, 0, err
	}
	return own.uid, own.gid, nil
}
