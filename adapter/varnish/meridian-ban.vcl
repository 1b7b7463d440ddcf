# Forgetting by a ban on the keys that an answer carries: needs no module beyond
# those that come with Varnish. A ban removes; it cannot make stale. Each is kept
# until every object has been held against it.

sub meridian_forget {
	# Keys hold no sign that means something in an expression but the dot; a ban's own expression has no space in it.
	set req.http.Meridian-Words = regsuball(regsuball(req.http.Surrogate-Key, "[.]", "[.]"), " ", "|");
	if (std.ban("obj.http.Surrogate-Key ~ (^|[[:space:]])(" + req.http.Meridian-Words + ")([[:space:]]|$)")) {
		set req.http.Meridian-Purged = "ban";
	}
}

sub meridian_index {
}
