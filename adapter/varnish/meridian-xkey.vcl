# Forgetting by the module xkey (package varnish-modules): an index of keys, so a
# purge costs no search, and one that makes stale.

import xkey;

sub meridian_forget {
	if (req.http.Meridian-Purge == "soft") {
		set req.http.Meridian-Purged = xkey.softpurge(req.http.Surrogate-Key);
	} else {
		set req.http.Meridian-Purged = xkey.purge(req.http.Surrogate-Key);
	}
}

sub meridian_index {
	set beresp.http.xkey = beresp.http.Surrogate-Key;
}
