package config

import "testing"

func TestCheckTimeZone(t *testing.T) {
	const name = "davcore.serverdefaults.tzid"
	runChecks(t, append(
		good(name, "", "UTC", "Europe/Rome", "Asia/Calcutta", "Etc/GMT+5", "US/Pacific"),
		bad(name, "europe/rome", "'europe/rome' has the wrong letter case | use 'Europe/Rome'"),
		bad(name, "Tokyo Standard Time", "'Tokyo Standard Time' is the name of a Windows time zone, which the server does not know | use 'Asia/Tokyo'"),
		bad(name, "Rome", "'Rome' is not a time zone of the IANA database, such as Europe/Rome | use 'Europe/Rome'"),
		bad(name, "GMT+1", "'GMT+1' is not a time zone of the IANA database, such as Europe/Rome"),
	))
}
