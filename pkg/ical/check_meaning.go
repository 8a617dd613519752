package ical

import (
	"strconv"
	"strings"
)

// These checks belong to one property each. They look at more than the type of the value.

func (c *checker) version(p *Property) {
	switch value := strings.TrimSpace(p.Value()); {
	case value == "2.0":
	case strings.HasPrefix(value, "6.0"):
		c.quirk("sun-version", p, "VERSION:6.0 is written by a calendar server of Sun; the object is read as version 2.0")
	case value == "1.0":
		c.reportf(Error, "version", p, "the object is a vCalendar 1.0, which writes rules and texts in another way; it is read as iCalendar 2.0")
	default:
		c.reportf(Warning, "version", p, "%q is not a known version of iCalendar; the object is read as version 2.0", clip(value))
	}
}

func (c *checker) calscale(p *Property) {
	switch value := strings.TrimSpace(p.Value()); {
	case value == "":
		c.reportf(Warning, "calscale", p, "CALSCALE is empty; it is read as GREGORIAN")
	case !equalName(value, "GREGORIAN"):
		c.reportf(Error, "calscale", p, "the calendar scale %q is not supported, only GREGORIAN", clip(value))
	}
}

func (c *checker) class(p *Property) {
	if value := p.Value(); !hasName("PUBLIC PRIVATE CONFIDENTIAL", value) {
		c.reportf(Note, "class", p, "%q is not a class of RFC 5545 (PUBLIC, PRIVATE or CONFIDENTIAL); it is read as PRIVATE", clip(value))
	}
}

func (c *checker) transp(p *Property) {
	if value := p.Value(); !hasName("OPAQUE TRANSPARENT", value) {
		c.reportf(Warning, "transp", p, "%q is not a valid TRANSP (OPAQUE or TRANSPARENT); it is read as OPAQUE", clip(value))
	}
}

// statuses returns the values of STATUS for a component (RFC 5545, 3.8.1.11, and RFC 9073, 7.3);
// "" if every value is allowed.
func statuses(component string) string {
	switch component {
	case "VEVENT":
		return "TENTATIVE CONFIRMED CANCELLED"
	case "VTODO":
		return "NEEDS-ACTION COMPLETED IN-PROCESS CANCELLED"
	case "VJOURNAL":
		return "DRAFT FINAL CANCELLED"
	}
	return ""
}

func (c *checker) status(p *Property) {
	allowed := statuses(c.component.Name)
	if value := p.Value(); allowed != "" && !hasName(allowed, value) {
		c.reportf(Warning, "status", p, "%q is not a valid STATUS of %s (%s); it is ignored", clip(value), c.component.Name, strings.ReplaceAll(allowed, " ", ", "))
	}
}

func (c *checker) percent(p *Property)  { c.between(p, 0, 100) }
func (c *checker) priority(p *Property) { c.between(p, 0, 9) }

func (c *checker) between(p *Property, low, high int64) {
	if n, ok := parseInteger(p.Value()); ok && (n < low || n > high) {
		c.reportf(Warning, "value-range", p, "%s is %d, but must be from %d to %d; it is ignored", p.Name, n, low, high)
	}
}

func (c *checker) notNegative(p *Property) {
	if n, ok := parseInteger(p.Value()); ok && n < 0 {
		c.reportf(Warning, "value-range", p, "%s is %d, but must not be negative; it is read as 0", p.Name, n)
	}
}

// geo checks a position (RFC 5545, 3.8.1.6).
func (c *checker) geo(p *Property) {
	latitude, longitude, ok := strings.Cut(p.Value(), ";")
	if !ok || !isFloat(latitude) || !isFloat(longitude) {
		c.reportf(Warning, "geo", p, "%q is not a valid position (latitude and longitude, separated by a semicolon); it is ignored", clip(p.Value()))
		return
	}
	north, err1 := strconv.ParseFloat(latitude, 64)
	east, err2 := strconv.ParseFloat(longitude, 64)
	if err1 != nil || err2 != nil || north < -90 || north > 90 || east < -180 || east > 180 {
		c.reportf(Warning, "geo", p, "the position %q is not on earth: the latitude must be from -90 to 90, and the longitude from -180 to 180", clip(p.Value()))
	}
}

// requestStatus checks a REQUEST-STATUS (RFC 5545, 3.8.8.3).
func (c *checker) requestStatus(p *Property) {
	code, _, ok := strings.Cut(p.Value(), ";")
	parts := strings.Split(clip(code), ".")
	valid := ok && (len(parts) == 2 || len(parts) == 3)
	for _, part := range parts {
		valid = valid && isDigits(part)
	}
	if !valid {
		c.reportf(Warning, "request-status", p, "%q is not a valid request status (a code such as 2.0, a semicolon and a text)", clip(p.Value()))
	}
}

func (c *checker) refreshInterval(p *Property) {
	if d, err := ParseDuration(p.Value()); err == nil && !d.IsPositive() {
		c.reportf(Warning, "duration-not-positive", p, "REFRESH-INTERVAL must be longer than zero; it is ignored")
	}
}

// color checks a COLOR (RFC 7986, 5.9).
func (c *checker) color(p *Property) {
	if value := p.Value(); !hasName(cssColors, value) {
		c.reportf(Warning, "color", p, "%q is not the name of a colour in CSS3", clip(value))
	}
}

// address checks the address of a person in a property or parameter.
func (c *checker) address(p *Property, value, where string) {
	name, rest, ok := scheme(value)
	switch {
	case !ok && c.sun && value != "" && strings.IndexByte(value, ' ') < 0:
		c.quirk("sun-address", p, "%q is an address without mailto: in a calendar of Sun; it is a uid or a mail address", clip(value))
	case !ok && strings.IndexByte(value, '@') > 0:
		c.reportf(Warning, "address-invalid", p, "%q of %s is not a URI: mailto: is missing before it", clip(value), where)
	case !ok:
		c.reportf(Warning, "address-invalid", p, "%q of %s is not a URI, so it reaches no one", clip(value), where)
	case equalName(name, "INVALID"):
		c.reportf(Warning, "address-invalid", p, "%q of %s is marked as invalid by the program that wrote it, so it reaches no one", clip(value), where)
	case equalName(name, "MAILTO") && !isMailAddress(rest):
		c.reportf(Warning, "address-invalid", p, "%q of %s contains no mail address", clip(value), where)
	}
}

// isMailAddress reports whether a text has the parts of a mail address.
func isMailAddress(s string) bool {
	s, _, _ = strings.Cut(s, "?")
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && strings.IndexByte(s, ' ') < 0
}

// cssColors are the names of colours in CSS3 (RFC 7986, 5.9), for hasName.
const cssColors = "ALICEBLUE ANTIQUEWHITE AQUA AQUAMARINE AZURE BEIGE BISQUE BLACK BLANCHEDALMOND BLUE BLUEVIOLET BROWN BURLYWOOD " +
	"CADETBLUE CHARTREUSE CHOCOLATE CORAL CORNFLOWERBLUE CORNSILK CRIMSON CYAN DARKBLUE DARKCYAN DARKGOLDENROD DARKGRAY DARKGREEN " +
	"DARKGREY DARKKHAKI DARKMAGENTA DARKOLIVEGREEN DARKORANGE DARKORCHID DARKRED DARKSALMON DARKSEAGREEN DARKSLATEBLUE DARKSLATEGRAY " +
	"DARKSLATEGREY DARKTURQUOISE DARKVIOLET DEEPPINK DEEPSKYBLUE DIMGRAY DIMGREY DODGERBLUE FIREBRICK FLORALWHITE FORESTGREEN FUCHSIA " +
	"GAINSBORO GHOSTWHITE GOLD GOLDENROD GRAY GREEN GREENYELLOW GREY HONEYDEW HOTPINK INDIANRED INDIGO IVORY KHAKI LAVENDER " +
	"LAVENDERBLUSH LAWNGREEN LEMONCHIFFON LIGHTBLUE LIGHTCORAL LIGHTCYAN LIGHTGOLDENRODYELLOW LIGHTGRAY LIGHTGREEN LIGHTGREY " +
	"LIGHTPINK LIGHTSALMON LIGHTSEAGREEN LIGHTSKYBLUE LIGHTSLATEGRAY LIGHTSLATEGREY LIGHTSTEELBLUE LIGHTYELLOW LIME LIMEGREEN LINEN " +
	"MAGENTA MAROON MEDIUMAQUAMARINE MEDIUMBLUE MEDIUMORCHID MEDIUMPURPLE MEDIUMSEAGREEN MEDIUMSLATEBLUE MEDIUMSPRINGGREEN " +
	"MEDIUMTURQUOISE MEDIUMVIOLETRED MIDNIGHTBLUE MINTCREAM MISTYROSE MOCCASIN NAVAJOWHITE NAVY OLDLACE OLIVE OLIVEDRAB ORANGE " +
	"ORANGERED ORCHID PALEGOLDENROD PALEGREEN PALETURQUOISE PALEVIOLETRED PAPAYAWHIP PEACHPUFF PERU PINK PLUM POWDERBLUE PURPLE RED " +
	"ROSYBROWN ROYALBLUE SADDLEBROWN SALMON SANDYBROWN SEAGREEN SEASHELL SIENNA SILVER SKYBLUE SLATEBLUE SLATEGRAY SLATEGREY SNOW " +
	"SPRINGGREEN STEELBLUE TAN TEAL THISTLE TOMATO TURQUOISE VIOLET WHEAT WHITE WHITESMOKE YELLOW YELLOWGREEN"
