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
	attendance         INTEGER NOT NULL,
	notify             INTEGER NOT NULL,
	notify_to          TEXT NOT NULL,
	delegate_notify_to TEXT NOT NULL,
	created            INTEGER NOT NULL,
	changed            INTEGER NOT NULL,
	deleted            INTEGER NOT NULL,
	version            INTEGER NOT NULL,
	next_number        INTEGER NOT NULL,          -- of its next collection
	revision_base      INTEGER NOT NULL,            -- the sum of the revisions of what was removed
	properties         TEXT NOT NULL DEFAULT '', -- see store.EncodeProperties
	leaving            TEXT NOT NULL DEFAULT '' -- the back end to which it is being moved, or ''
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_folded ON account (folded);
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
	properties   TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX collection_name ON collection (account, name) WHERE deleted = 0;
CREATE INDEX collection_deleted ON collection (deleted) WHERE deleted > 0;

-- Access lists: those for scheduling of accounts, and those of collections.
CREATE TABLE ace (
	account   TEXT NOT NULL REFERENCES account (id),
	number    INTEGER NOT NULL, -- of the collection; 0 for the scheduling list of the account
	place     INTEGER NOT NULL, -- in the list
	kind      INTEGER NOT NULL, -- of the principal: 1 everyone, 2 a mail domain, 3 a person
	principal TEXT NOT NULL,    -- the unique id or the domain
	address   TEXT NOT NULL,    -- of the person
	rights    TEXT NOT NULL,
	PRIMARY KEY (account, number, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX ace_person ON ace (principal, number) WHERE kind = 3;

-- Who may act for an account.
CREATE TABLE representative (
	account TEXT NOT NULL REFERENCES account (id),
	role    INTEGER NOT NULL, -- 1 delegate, 2 owner
	place   INTEGER NOT NULL, -- in the list
	person  TEXT NOT NULL,    -- the unique id
	address TEXT NOT NULL,
	PRIMARY KEY (account, role, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX representative_person ON representative (person, role);

CREATE TABLE component (
	account      TEXT NOT NULL,
	number       INTEGER NOT NULL,
	name         TEXT NOT NULL,
	uid          TEXT NOT NULL,
	type         TEXT NOT NULL,
	method       TEXT NOT NULL, -- of an iTIP message; '' for an object of a calendar
	state        INTEGER NOT NULL, -- of an iTIP message
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
	properties   TEXT NOT NULL DEFAULT '',
	text         BLOB NOT NULL,
	PRIMARY KEY (account, number, name),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
) STRICT;
CREATE UNIQUE INDEX component_uid ON component (account, uid, number) WHERE method = '';
-- These are partial so that a query uses them only if it repeats their condition, even if the
-- table was never analyzed.
CREATE UNIQUE INDEX component_revision ON component (account, number, revision) WHERE revision <> 0;
CREATE INDEX component_span ON component (account, number, start_at, name, end_at) WHERE long = 0;
CREATE INDEX component_long ON component (account, number, start_at, name, end_at) WHERE long = 1;

-- Components that were deleted and have not been purged yet.
CREATE TABLE trash (
	account      TEXT NOT NULL,
	number       INTEGER NOT NULL,
	revision     INTEGER NOT NULL, -- of the deletion
	name         TEXT NOT NULL,
	deleted      INTEGER NOT NULL,
	moved        INTEGER NOT NULL, -- only a trace of a component that was moved away
	uid          TEXT NOT NULL,
	type         TEXT NOT NULL,
	method       TEXT NOT NULL,
	state        INTEGER NOT NULL,
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
	properties   TEXT NOT NULL DEFAULT '',
	text         BLOB NOT NULL,
	PRIMARY KEY (account, number, revision),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
) STRICT;
CREATE INDEX trash_deleted ON trash (deleted);
CREATE INDEX trash_name ON trash (account, number, name, revision);

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

-- Content of attachments in chunks, once for each hash in an account.
CREATE TABLE content (
	account TEXT NOT NULL REFERENCES account (id),
	number  INTEGER NOT NULL, -- random
	hash    TEXT NOT NULL, -- SHA-256; '' during the transaction that adds it
	size    INTEGER NOT NULL,
	PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX content_hash ON content (account, hash) WHERE hash <> '';

CREATE TABLE chunk (
	account TEXT NOT NULL,
	number  INTEGER NOT NULL,
	serial  INTEGER NOT NULL,
	data    BLOB NOT NULL,
	PRIMARY KEY (account, number, serial),
	FOREIGN KEY (account, number) REFERENCES content (account, number)
) STRICT;

CREATE TABLE attachment (
	account      TEXT NOT NULL REFERENCES account (id),
	id           TEXT NOT NULL, -- random
	folder       TEXT NOT NULL, -- of a file in the dropbox
	name         TEXT NOT NULL,
	content_type TEXT NOT NULL,
	content      INTEGER NOT NULL,
	created      INTEGER NOT NULL,
	deleted      INTEGER NOT NULL,
	PRIMARY KEY (account, id),
	FOREIGN KEY (account, content) REFERENCES content (account, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attachment_name ON attachment (account, folder, name) WHERE folder <> '' AND deleted = 0;
CREATE INDEX attachment_content ON attachment (account, content);
CREATE INDEX attachment_deleted ON attachment (deleted) WHERE deleted > 0;

-- Scheduling messages that have to be sent.
CREATE TABLE outgoing (
	account    TEXT NOT NULL REFERENCES account (id),
	id         TEXT NOT NULL, -- in the order of creation
	sender     TEXT NOT NULL,
	recipient  TEXT NOT NULL,
	method     TEXT NOT NULL,
	uid        TEXT NOT NULL,
	next_at    INTEGER NOT NULL, -- when it is due, or due again
	created    INTEGER NOT NULL,
	tries      INTEGER NOT NULL,
	last_error TEXT NOT NULL,
	size       INTEGER NOT NULL,
	text       BLOB NOT NULL,
	PRIMARY KEY (account, id)
) STRICT;
CREATE INDEX outgoing_due ON outgoing (next_at, account, id);

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
