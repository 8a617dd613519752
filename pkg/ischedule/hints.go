package ischedule

import "errors"

// hintFor returns what to do about an error. The parameters it names are those of
// Calendar Server 7; settings named together with ics.conf are those of Calendar
// Server 6.
func hintFor(kind Kind) string {
	switch kind {
	case DNS:
		return "check the host name in the URL, and that this host can resolve it"
	case Refused:
		return "check the host and port in the URL, that the peer is running, and that no firewall blocks the connection"
	case Timeout:
		return "check that the peer is running normally and that no firewall blocks the connection; if it is only slow, raise davcore.serverlimits.httpconnecttimeout or davcore.serverlimits.httpsockettimeout"
	case TLS:
		return "check the peer's certificate: its host name, its validity dates, and that this host trusts its issuer"
	case Redirect:
		return "map the domain to the URL that the peer redirects to, if that is its iSchedule URL"
	case RedirectLoop:
		return "correct the redirects of the peer or of the proxy in front of it: they lead back to an earlier URL"
	case Forbidden:
		return "the peer does not accept the address of this host: add it to the peer's iSchedule whitelist (service.dav.ischedulewhitelist on Calendar Server 7)"
	case NotFound:
		return `check the path of the URL: Calendar Server 6 answers at /ischedule/, if service.http.caldavcompatible is "yes" in its ics.conf`
	case HTML:
		return "check the port and path in the URL (/ischedule/): a web server, a proxy or a login page answers there"
	case TooLarge:
		return "query fewer people or a shorter time range, or allow longer answers"
	case Truncated:
		return "check the log of the peer, and that of any proxy in front of it"
	case Malformed:
		return "check that the URL is the iSchedule URL: the server there uses another protocol"
	case ServerError:
		return "check the log of the peer: it failed while processing the query"
	}
	return "check the log of the peer"
}

// wcapHintFor returns what to do about an error of Client.GetFreeBusy.
func wcapHintFor(kind Kind) string {
	switch kind {
	case Redirect:
		return "query the URL that the peer redirects to; on Calendar Server 6 it comes from service.wcap.freebusy.redirecturl in ics.conf"
	case RedirectLoop:
		return "correct the redirects: service.wcap.freebusy.redirecturl in the ics.conf of Calendar Server 6, or those of a proxy"
	case Forbidden:
		return "allow free/busy queries without a login: davcore.acl.schedulinganonymousall on Calendar Server 7"
	case NotFound:
		return "check the path in the URL: /davserver/wcap/get_freebusy.wcap on Calendar Server 7"
	case HTML:
		return "check the port and path in the URL (/davserver/wcap/get_freebusy.wcap on Calendar Server 7): a web server, a proxy or a login page answers there"
	case TooLarge:
		return "query a shorter time range, or allow longer answers"
	case Malformed:
		return "check that the URL is that of get_freebusy.wcap: the server there uses another protocol, or WCAP in a format other than text/calendar"
	case Other:
		return "check the path in the URL (/davserver/wcap/get_freebusy.wcap on Calendar Server 7), and the log of the peer"
	}
	return hintFor(kind)
}

// withWCAPHint replaces the hint of an error by the one for WCAP.
func withWCAPHint(err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
	case e.Hint == "": // the caller canceled; there is nothing to fix
	case e.Status == 0 && e.Err == nil: // nothing was sent because the URL is invalid
		e.Hint = "write the URL as http://HOST:PORT/davserver/wcap/get_freebusy.wcap"
	case e.Status == 0 && e.Hint != hintFor(e.Kind): // about TLS, the same for every protocol
	default:
		e.Hint = wcapHintFor(e.Kind)
	}
	return err
}

// rejectionHint returns what to do about a reason that a peer gives inside <error>.
func rejectionHint(reason string, bare bool) string {
	switch reason {
	case "version-not-supported", "originator-missing", "recipient-missing":
		if bare {
			return "query with the iSchedule headers: this peer does not accept the bare form"
		}
		return "query in the bare form if the peer is old; otherwise check its log for why it did not see a header that was sent"
	case "originator-denied":
		return "the peer does not accept this originator: allow it and the address of this host on the peer (service.dav.ischedulewhitelist on Calendar Server 7)"
	case "originator-invalid", "too-many-originators":
		return "use an originator whose mail domain the peer knows"
	case "recipient-mismatch":
		return "report this: the recipients in the header and in the body are the same, but the peer considers them different"
	case "max-recipients":
		return "query fewer people at once"
	case "max-content-length":
		return "query fewer people at once, or raise the limit on the peer"
	case "min-date-time", "max-date-time", "max-instances":
		return "query a time range that the peer covers; its capabilities say which"
	}
	return "check the log of the peer for why it rejected the query"
}
