package ischedule

import "errors"

// hintFor says what to do about an error. A name of a parameter in it is one of
// Calendar Server 7, or with ics.conf one of Calendar Server 6.
func hintFor(kind Kind) string {
	switch kind {
	case DNS:
		return "check the host name in the URL, and that this host can look it up"
	case Refused:
		return "check host and port of the URL, that the peer runs, and that no firewall stands between"
	case Timeout:
		return "check that the peer is well and no firewall stands between; if it is only slow, raise davcore.serverlimits.httpconnecttimeout or davcore.serverlimits.httpsockettimeout"
	case TLS:
		return "check the certificate of the peer: the name in it, its dates, and that this host trusts who issued it"
	case Redirect:
		return "map the domain to the URL that the peer refers to, if that is its iSchedule URL"
	case RedirectLoop:
		return "correct the redirects of the peer or of the proxy before it: they lead back to where they began"
	case Forbidden:
		return "the peer does not accept this address: add it to the iSchedule white list there (service.dav.ischedulewhitelist on Calendar Server 7)"
	case NotFound:
		return `check the path of the URL: Calendar Server 6 answers at /ischedule/, if service.http.caldavcompatible is "yes" in its ics.conf`
	case HTML:
		return "check port and path of the URL (/ischedule/): a web server, a proxy or a login page answers there"
	case TooLarge:
		return "ask about fewer people or a shorter time, or allow longer answers"
	case Truncated:
		return "look into the log of the peer, and of a proxy before it"
	case Malformed:
		return "check that the URL is that of iSchedule: what answers there speaks another language"
	case ServerError:
		return "look into the log of the peer: it failed over the question"
	}
	return "look into the log of the peer"
}

// wcapHintFor says what to do about an error of Client.GetFreeBusy.
func wcapHintFor(kind Kind) string {
	switch kind {
	case Redirect:
		return "ask at the URL that the peer refers to; on Calendar Server 6 it comes from service.wcap.freebusy.redirecturl in the ics.conf"
	case RedirectLoop:
		return "correct the redirects: service.wcap.freebusy.redirecturl in the ics.conf of Calendar Server 6, or those of a proxy"
	case Forbidden:
		return "let callers without a login ask: davcore.acl.schedulinganonymousall on Calendar Server 7"
	case NotFound:
		return "check the path of the URL: /davserver/wcap/get_freebusy.wcap on Calendar Server 7"
	case HTML:
		return "check port and path of the URL (/davserver/wcap/get_freebusy.wcap on Calendar Server 7): a web server, a proxy or a login page answers there"
	case TooLarge:
		return "ask about a shorter time, or allow longer answers"
	case Malformed:
		return "check that the URL is that of get_freebusy.wcap: what answers there speaks another language, or WCAP in another format than text/calendar"
	case Other:
		return "check the path of the URL (/davserver/wcap/get_freebusy.wcap on Calendar Server 7), and look into the log of the peer"
	}
	return hintFor(kind)
}

// inWCAP makes the hint of an error one of WCAP.
func inWCAP(err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
	case e.Hint == "": // there is nothing to do about it
	case e.Status == 0 && e.Err == nil: // nothing was sent, for the URL is none
		e.Hint = "write the URL as http://HOST:PORT/davserver/wcap/get_freebusy.wcap"
	case e.Status == 0 && e.Hint != hintFor(e.Kind): // about TLS, in any language
	default:
		e.Hint = wcapHintFor(e.Kind)
	}
	return err
}

// rejectionHint says what to do about a reason that a peer gives inside <error>.
func rejectionHint(reason string, bare bool) string {
	switch reason {
	case "version-not-supported", "originator-missing", "recipient-missing":
		if bare {
			return "ask with the headers of iSchedule: this peer does not take the bare form"
		}
		return "ask in the bare form if the peer is old; otherwise look into its log for why it missed a header that was sent"
	case "originator-denied":
		return "the peer does not accept this originator: let it and this address in there (service.dav.ischedulewhitelist on Calendar Server 7)"
	case "originator-invalid", "too-many-originators":
		return "ask as a person whose mail domain the peer knows"
	case "recipient-mismatch":
		return "report this: the recipients of the header are those of the body, and the peer sees a difference"
	case "max-recipients":
		return "ask about fewer people at once"
	case "max-content-length":
		return "ask about fewer people at once, or raise the limit of the peer"
	case "min-date-time", "max-date-time", "max-instances":
		return "ask for a time that the peer covers; its capabilities say which"
	}
	return "look into the log of the peer for what it disliked"
}
