/* Reads a calendar with libical.

       judge FILE            prints what libical found in it: see judge_test.go
       judge FILE zones      reads lines "TZID<TAB>INSTANT" and prints the offset from UTC that the
                             VTIMEZONE has at each instant, in seconds */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* put prints a field; a backslash, tab or line ending in it is escaped. */
static void put(const char *text)
{
    for (; text != NULL && *text != 0; text++) {
        switch (*text) {
        case '\\': fputs("\\\\", stdout); break;
        case '\n': fputs("\\n", stdout); break;
        case '\r': fputs("\\r", stdout); break;
        case '\t': fputs("\\t", stdout); break;
        default: putchar(*text);
        }
    }
}

/* put_parameter prints NAME=VALUE. icalparameter_as_ical_string would write the caret of a decoded
   value as it is, so that it could not be decoded again; the others have no carets. */
static void put_parameter(icalparameter *p)
{
    switch (icalparameter_isa(p)) {
    case ICAL_X_PARAMETER:
        put(icalparameter_get_xname(p));
        putchar('=');
        put(icalparameter_get_xvalue(p));
        break;
    case ICAL_CN_PARAMETER:
        fputs("CN=", stdout);
        put(icalparameter_get_cn(p));
        break;
    default:
        /* the only quotes are those around the value */
        for (const char *c = icalparameter_as_ical_string(p); *c != 0; c++)
            if (*c != '"')
                putchar(*c);
    }
}

static void put_property(icalproperty *property)
{
    icalvalue *value = icalproperty_get_value(property);
    put(icalproperty_get_property_name(property));
    putchar('\t');
    if (value != NULL && icalvalue_isa(value) == ICAL_TEXT_VALUE)
        put(icalvalue_get_text(value));
    else if (value != NULL)
        put(icalvalue_as_ical_string(value));
    for (icalparameter *p = icalproperty_get_first_parameter(property, ICAL_ANY_PARAMETER); p != NULL;
         p = icalproperty_get_next_parameter(property, ICAL_ANY_PARAMETER)) {
        putchar('\t');
        put_parameter(p);
    }
    putchar('\n');
}

static void put_component(icalcomponent *component)
{
    const char *name = icalcomponent_kind_to_string(icalcomponent_isa(component));
    printf("BEGIN\t%s\n", name);
    for (icalproperty *p = icalcomponent_get_first_property(component, ICAL_ANY_PROPERTY); p != NULL;
         p = icalcomponent_get_next_property(component, ICAL_ANY_PROPERTY))
        put_property(p);
    icalcompiter i = icalcomponent_begin_component(component, ICAL_ANY_COMPONENT);
    for (icalcomponent *c = icalcompiter_deref(&i); c != NULL; c = icalcompiter_next(&i))
        put_component(c);
    printf("END\t%s\n", name);
}

/* put_offsets answers the questions on standard input. Those about one zone follow each other. */
static int put_offsets(icalcomponent *calendar)
{
    char line[1000], last[1000] = "";
    icaltimezone *zone = NULL;
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *tab = strchr(line, '\t');
        if (tab == NULL)
            return 1;
        *tab = 0;
        if (zone == NULL || strcmp(line, last) != 0) {
            zone = icalcomponent_get_timezone(calendar, line);
            if (zone == NULL) {
                fprintf(stderr, "no zone %s\n", line);
                return 1;
            }
            strcpy(last, line);
        }
        long long instant = atoll(tab + 1);
        /* time_t has 64 bits; icaltime_from_timet_with_zone uses gmtime. */
        icaltimetype t = icaltime_from_timet_with_zone(instant, 0, icaltimezone_get_utc_timezone());
        int daylight;
        printf("%d\n", icaltimezone_get_utc_offset_of_utc_time(zone, &t, &daylight));
    }
    return 0;
}

int main(int argc, char **argv)
{
    FILE *f = argc < 2 ? NULL : fopen(argv[1], "rb");
    if (f == NULL)
        return 2;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *text = malloc(size + 1);
    if (text == NULL || fread(text, 1, size, f) != (size_t)size)
        return 2;
    text[size] = 0;
    icalcomponent *calendar = icalparser_parse_string(text);
    if (calendar == NULL) {
        fputs("not a calendar\n", stderr);
        return 1;
    }
    if (argc > 2)
        return put_offsets(calendar);
    put_component(calendar);
    return 0;
}
