-- Schema version 1. Times are microseconds since 1970, with 0 for none.

CREATE TABLE meta (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
	id                 TEXT NOT NULL PRIMARY KEY, -- unique id, as the directory has it
	folded             TEXT NOT NULL,             -- the id, as a directory compares it
	kind               INTEGER NOT NULL,
	mail               TEXT NOT NULL,             -- the first of the addresses
	addresses          TEXT NOT NULL,             -- a line each
	name               TEXT NOT NULL,
	sched_acl          TEXT NOT NULL,
	attendance         INTEGER NOT NULL,
	notify             INTEGER NOT NULL,
	notify_to          TEXT NOT NULL,
	delegate_notify_to TEXT NOT NULL,
	delegates          TEXT NOT NULL,
	owners             TEXT NOT NULL,
	created            INTEGER NOT NULL,
	changed            INTEGER NOT NULL,
	deleted            INTEGER NOT NULL,
	version            INTEGER NOT NULL,
	next_number        INTEGER NOT NULL,          -- of its next collection
	leaving            TEXT NOT NULL DEFAULT '' -- the back end to which it is being moved, or ''
) STRICT, WITHOUT ROWID;
CREATE INDEX account_folded ON account (folded);
CREATE INDEX account_mail ON account (mail, id);
CREATE INDEX account_deleted ON account (deleted) WHERE deleted > 0;

-- Addresses of active accounts, in the form in which they are compared.
CREATE TABLE address (
	address TEXT NOT NULL PRIMARY KEY,
	account TEXT NOT NULL REFERENCES account (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX address_account ON address (account);

CREATE TABLE collection (
	account      TEXT NOT NULL REFERENCES account (id),
	number       INTEGER NOT NULL,
	name         TEXT NOT NULL,
	kind         INTEGER NOT NULL,
	display_name TEXT NOT NULL,
	description  TEXT NOT NULL,
	components   TEXT NOT NULL,
	acl          TEXT NOT NULL,
	colour       TEXT NOT NULL,
	sort_order   INTEGER NOT NULL,
	time_zone    TEXT NOT NULL,
	transparent  INTEGER NOT NULL,
	created      INTEGER NOT NULL,
	changed      INTEGER NOT NULL,
	deleted      INTEGER NOT NULL,
	revision     INTEGER NOT NULL, -- of the last change of its content
	floor        INTEGER NOT NULL, -- changes up to this revision are forgotten
	version      INTEGER NOT NULL,
	incarnation  INTEGER NOT NULL, -- random
	PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX collection_name ON collection (account, name) WHERE deleted = 0;
CREATE INDEX collection_deleted ON collection (deleted) WHERE deleted > 0;

CREATE TABLE component (
	account      TEXT NOT NULL,
	number       INTEGER NOT NULL,
	name         TEXT NOT NULL,
	uid          TEXT NOT NULL,
	type         TEXT NOT NULL,
	schedule_tag TEXT NOT NULL,
	status       TEXT NOT NULL, -- property STATUS, such as CANCELLED
	transparent  INTEGER NOT NULL, -- ignored for free/busy
	start_at     INTEGER NOT NULL, -- the span, UTC; the least and the greatest number where it is open
	end_at       INTEGER NOT NULL,
	long         INTEGER NOT NULL, -- the span is longer than 31 days
	floating     INTEGER NOT NULL, -- the span was widened, because its time zone is that of the reader
	recurring    INTEGER NOT NULL,
	etag         TEXT NOT NULL,
	size         INTEGER NOT NULL,
	created      INTEGER NOT NULL,
	changed      INTEGER NOT NULL,
	revision     INTEGER NOT NULL,
	text         BLOB NOT NULL,
	PRIMARY KEY (account, number, name),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
) STRICT;
CREATE UNIQUE INDEX component_uid ON component (account, number, uid);
CREATE INDEX component_span ON component (account, number, long, start_at, end_at);

-- Components that were deleted and have not been purged yet.
CREATE TABLE trash (
	account      TEXT NOT NULL,
	number       INTEGER NOT NULL,
	revision     INTEGER NOT NULL, -- of the deletion
	name         TEXT NOT NULL,
	deleted      INTEGER NOT NULL,
	uid          TEXT NOT NULL,
	type         TEXT NOT NULL,
	schedule_tag TEXT NOT NULL,
	status       TEXT NOT NULL,
	transparent  INTEGER NOT NULL,
	start_at     INTEGER NOT NULL,
	end_at       INTEGER NOT NULL,
	long         INTEGER NOT NULL,
	floating     INTEGER NOT NULL,
	recurring    INTEGER NOT NULL,
	etag         TEXT NOT NULL,
	size         INTEGER NOT NULL,
	created      INTEGER NOT NULL,
	changed      INTEGER NOT NULL,
	text         BLOB NOT NULL,
	PRIMARY KEY (account, number, revision),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
) STRICT;
CREATE INDEX trash_deleted ON trash (deleted);

CREATE TABLE change_log (
	account  TEXT NOT NULL,
	number   INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	name     TEXT NOT NULL,
	deleted  INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (account, number, revision),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX change_log_name ON change_log (account, number, name, revision);

-- The owner may be on another back end.
CREATE TABLE subscription (
	account       TEXT NOT NULL REFERENCES account (id),
	owner         TEXT NOT NULL,
	calendar      TEXT NOT NULL,
	owner_address TEXT NOT NULL,
	created       INTEGER NOT NULL,
	PRIMARY KEY (account, owner, calendar)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_owner ON subscription (owner);

-- The moves of accounts from and to other back ends, as store.Move describes them.
CREATE TABLE moved (
	account TEXT NOT NULL,
	id      TEXT NOT NULL, -- random
	backend TEXT NOT NULL, -- the other one
	state   INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX moved_leaving ON moved (account) WHERE state = 1;
