# Varnish in front of Meridian's edges: what it keeps, and how it is told to
# forget. Include it behind a backend, the two keys and one of meridian-ban.vcl and
# meridian-xkey.vcl; docs/cdns.md has the whole.

sub vcl_recv {
	call meridian_keys;
	set req.http.Meridian-Visitor = client.ip;
	if (req.method == "PURGE") {
		if (!req.http.Meridian-Purge-Key || req.http.Meridian-Purge-Key != req.http.Meridian-Purge-Want) {
			return (synth(403, "Forbidden"));
		}
		unset req.http.Meridian-Purged;
		if (req.http.Meridian-Purge == "all") {
			if (std.ban("obj.status != 0")) {
				set req.http.Meridian-Purged = "ban";
			}
		} elsif (req.http.Surrogate-Key ~ "^[A-Za-z0-9/_.:%-]+( [A-Za-z0-9/_.:%-]+)*$") {
			call meridian_forget;
		}
		if (!req.http.Meridian-Purged) {
			return (synth(400, "Not purged"));
		}
		return (synth(200, "Purged"));
	}
	unset req.http.Meridian-Purge-Want;
	unset req.http.Meridian-Purge-Key;
	if (req.method != "GET" && req.method != "HEAD") {
		return (pass);
	}
	# What is one visitor's own is asked of the edge each time.
	if (req.url ~ "^/([A-Za-z]+(-[A-Za-z0-9-]*)?/)?(cart|checkout|orders)([/?]|$)"
		|| req.url ~ "^/(owner|purges|private)([/?]|$)"
		|| (req.url ~ "^/media/" && req.url !~ "^/media/[^?]*/manifest([?]|$)")) {
		return (pass);
	}
	# The rest is the same for everybody, whatever the query and the cookies are.
	set req.url = regsub(req.url, "[?].*$", "");
	unset req.http.Cookie;
	unset req.http.Authorization;
	return (hash);
}

sub vcl_backend_response {
	# The edge says in Surrogate-Control what this cache may keep; no-store is the
	# rest. What it gives from its own cache is some seconds old already.
	if (beresp.http.Surrogate-Control ~ "max-age=[0-9]+" && !beresp.http.Set-Cookie) {
		set beresp.ttl = std.duration(regsub(beresp.http.Surrogate-Control, "^.*max-age=([0-9]+).*$", "\1s"), 0s);
		if (beresp.http.Age) {
			set beresp.ttl = beresp.ttl - std.duration(beresp.http.Age + "s", 0s);
		}
	} else {
		set beresp.ttl = 0s;
	}
	set beresp.grace = 0s;
	if (beresp.ttl <= 0s) {
		set beresp.ttl = 1s;
		set beresp.uncacheable = true;
		return (deliver);
	}
	call meridian_index;
	return (deliver);
}

sub vcl_deliver {
	# The keys are for caches; what visitors see says only whether it was kept.
	unset resp.http.Surrogate-Key;
	unset resp.http.Surrogate-Control;
	unset resp.http.xkey;
	if (obj.hits > 0) {
		set resp.http.Cache-Status = resp.http.Cache-Status + ", varnish; hit";
	} else {
		set resp.http.Cache-Status = resp.http.Cache-Status + ", varnish; fwd=miss";
	}
}

sub vcl_synth {
	if (req.method == "PURGE") {
		if (resp.status == 200) {
			set resp.http.Meridian-Purged = req.http.Meridian-Purged;
		}
		set resp.body = "";
		return (deliver);
	}
}
