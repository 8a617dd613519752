-- Schema version 1. Times are microseconds since 1970, with 0 for none. The tables are
-- in the database schema davadmin, which already exists.

CREATE TABLE meta (
	name  text COLLATE "C" NOT NULL PRIMARY KEY,
	value text COLLATE "C" NOT NULL
);

CREATE TABLE account (
	id                 text COLLATE "C" NOT NULL PRIMARY KEY, -- unique id, as the directory has it
	folded             text COLLATE "C" NOT NULL,             -- the id, as a directory compares it
	kind               bigint NOT NULL,
	mail               text COLLATE "C" NOT NULL,             -- the first of the addresses
	addresses          text COLLATE "C" NOT NULL,             -- a line each
	name               text COLLATE "C" NOT NULL,
	attendance         bigint NOT NULL,
	notify             bigint NOT NULL,
	notify_to          text COLLATE "C" NOT NULL,
	delegate_notify_to text COLLATE "C" NOT NULL,
	created            bigint NOT NULL,
	changed            bigint NOT NULL,
	deleted            bigint NOT NULL,
	version            bigint NOT NULL,
	next_number        bigint NOT NULL,          -- of its next collection
	revision_base      bigint NOT NULL,            -- the sum of the revisions of what was removed
	properties         text COLLATE "C" NOT NULL DEFAULT '', -- see store.EncodeProperties
	leaving            text COLLATE "C" NOT NULL DEFAULT '' -- the back end to which it is being moved, or ''
);
CREATE UNIQUE INDEX account_folded ON account (folded);
CREATE INDEX account_mail ON account (mail, id);
CREATE INDEX account_deleted ON account (deleted) WHERE deleted > 0;

-- Addresses of active accounts, in the form in which they are compared.
CREATE TABLE address (
	address text COLLATE "C" NOT NULL PRIMARY KEY,
	account text COLLATE "C" NOT NULL REFERENCES account (id)
);
CREATE INDEX address_account ON address (account);

CREATE TABLE collection (
	account      text COLLATE "C" NOT NULL REFERENCES account (id),
	number       bigint NOT NULL,
	name         text COLLATE "C" NOT NULL,
	kind         bigint NOT NULL,
	display_name text COLLATE "C" NOT NULL,
	description  text COLLATE "C" NOT NULL,
	components   text COLLATE "C" NOT NULL,
	colour       text COLLATE "C" NOT NULL,
	sort_order   bigint NOT NULL,
	time_zone    text COLLATE "C" NOT NULL,
	transparent  bigint NOT NULL,
	created      bigint NOT NULL,
	changed      bigint NOT NULL,
	deleted      bigint NOT NULL,
	revision     bigint NOT NULL, -- of the last change of its content
	floor        bigint NOT NULL, -- changes up to this revision are forgotten
	version      bigint NOT NULL,
	incarnation  bigint NOT NULL, -- random
	properties   text COLLATE "C" NOT NULL DEFAULT '',
	PRIMARY KEY (account, number)
);
CREATE UNIQUE INDEX collection_name ON collection (account, name) WHERE deleted = 0;
CREATE INDEX collection_deleted ON collection (deleted) WHERE deleted > 0;

-- Access lists: those for scheduling of accounts, and those of collections.
CREATE TABLE ace (
	account   text COLLATE "C" NOT NULL REFERENCES account (id),
	number    bigint NOT NULL, -- of the collection; 0 for the scheduling list of the account
	place     bigint NOT NULL, -- in the list
	kind      bigint NOT NULL, -- of the principal: 1 everyone, 2 a mail domain, 3 a person
	principal text COLLATE "C" NOT NULL, -- the unique id or the domain
	address   text COLLATE "C" NOT NULL, -- of the person
	rights    text COLLATE "C" NOT NULL,
	PRIMARY KEY (account, number, place)
);
CREATE INDEX ace_person ON ace (principal, number) WHERE kind = 3;

-- Who may act for an account.
CREATE TABLE representative (
	account text COLLATE "C" NOT NULL REFERENCES account (id),
	role    bigint NOT NULL, -- 1 delegate, 2 owner
	place   bigint NOT NULL, -- in the list
	person  text COLLATE "C" NOT NULL, -- the unique id
	address text COLLATE "C" NOT NULL,
	PRIMARY KEY (account, role, place)
);
CREATE INDEX representative_person ON representative (person, role);

CREATE TABLE component (
	account      text COLLATE "C" NOT NULL,
	number       bigint NOT NULL,
	name         text COLLATE "C" NOT NULL,
	uid          text COLLATE "C" NOT NULL,
	type         text COLLATE "C" NOT NULL,
	method       text COLLATE "C" NOT NULL, -- of an iTIP message; '' for an object of a calendar
	state        bigint NOT NULL, -- of an iTIP message
	schedule_tag text COLLATE "C" NOT NULL,
	status       text COLLATE "C" NOT NULL, -- property STATUS, such as CANCELLED
	transparent  bigint NOT NULL, -- ignored for free/busy
	start_at     bigint NOT NULL, -- the span, UTC; the least and the greatest number where it is open
	end_at       bigint NOT NULL,
	long         bigint NOT NULL, -- the span is longer than 31 days
	floating     bigint NOT NULL, -- the span was widened, because its time zone is that of the reader
	recurring    bigint NOT NULL,
	etag         text COLLATE "C" NOT NULL,
	size         bigint NOT NULL,
	created      bigint NOT NULL,
	changed      bigint NOT NULL,
	revision     bigint NOT NULL,
	properties   text COLLATE "C" NOT NULL DEFAULT '',
	text         bytea NOT NULL,
	PRIMARY KEY (account, number, name),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
);
CREATE UNIQUE INDEX component_uid ON component (account, uid, number) WHERE method = '';
-- These are partial so that a query uses them only if it repeats their condition, even if the
-- table was never analyzed.
CREATE UNIQUE INDEX component_revision ON component (account, number, revision) WHERE revision <> 0;
CREATE INDEX component_span ON component (account, number, start_at, name, end_at) WHERE long = 0;
CREATE INDEX component_long ON component (account, number, start_at, name, end_at) WHERE long = 1;

-- Components that were deleted and have not been purged yet.
CREATE TABLE trash (
	account      text COLLATE "C" NOT NULL,
	number       bigint NOT NULL,
	revision     bigint NOT NULL, -- of the deletion
	name         text COLLATE "C" NOT NULL,
	deleted      bigint NOT NULL,
	moved        bigint NOT NULL, -- only a trace of a component that was moved away
	uid          text COLLATE "C" NOT NULL,
	type         text COLLATE "C" NOT NULL,
	method       text COLLATE "C" NOT NULL,
	state        bigint NOT NULL,
	schedule_tag text COLLATE "C" NOT NULL,
	status       text COLLATE "C" NOT NULL,
	transparent  bigint NOT NULL,
	start_at     bigint NOT NULL,
	end_at       bigint NOT NULL,
	long         bigint NOT NULL,
	floating     bigint NOT NULL,
	recurring    bigint NOT NULL,
	etag         text COLLATE "C" NOT NULL,
	size         bigint NOT NULL,
	created      bigint NOT NULL,
	changed      bigint NOT NULL,
	properties   text COLLATE "C" NOT NULL DEFAULT '',
	text         bytea NOT NULL,
	PRIMARY KEY (account, number, revision),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
);
CREATE INDEX trash_deleted ON trash (deleted);
CREATE INDEX trash_name ON trash (account, number, name, revision);

-- The owner may be on another back end.
CREATE TABLE subscription (
	account       text COLLATE "C" NOT NULL REFERENCES account (id),
	owner         text COLLATE "C" NOT NULL,
	calendar      text COLLATE "C" NOT NULL,
	owner_address text COLLATE "C" NOT NULL,
	created       bigint NOT NULL,
	PRIMARY KEY (account, owner, calendar)
);
CREATE INDEX subscription_owner ON subscription (owner);

-- Content of attachments in chunks, once for each hash in an account.
CREATE TABLE content (
	account text COLLATE "C" NOT NULL REFERENCES account (id),
	number  bigint NOT NULL, -- random
	hash    text COLLATE "C" NOT NULL, -- SHA-256; '' during the transaction that adds it
	size    bigint NOT NULL,
	PRIMARY KEY (account, number)
);
CREATE UNIQUE INDEX content_hash ON content (account, hash) WHERE hash <> '';

CREATE TABLE chunk (
	account text COLLATE "C" NOT NULL,
	number  bigint NOT NULL,
	serial  bigint NOT NULL,
	data    bytea NOT NULL,
	PRIMARY KEY (account, number, serial),
	FOREIGN KEY (account, number) REFERENCES content (account, number)
);

CREATE TABLE attachment (
	account      text COLLATE "C" NOT NULL REFERENCES account (id),
	id           text COLLATE "C" NOT NULL, -- random
	folder       text COLLATE "C" NOT NULL, -- of a file in the dropbox
	name         text COLLATE "C" NOT NULL,
	content_type text COLLATE "C" NOT NULL,
	content      bigint NOT NULL,
	created      bigint NOT NULL,
	deleted      bigint NOT NULL,
	PRIMARY KEY (account, id),
	FOREIGN KEY (account, content) REFERENCES content (account, number)
);
CREATE UNIQUE INDEX attachment_name ON attachment (account, folder, name) WHERE folder <> '' AND deleted = 0;
CREATE INDEX attachment_content ON attachment (account, content);
CREATE INDEX attachment_deleted ON attachment (deleted) WHERE deleted > 0;

-- Scheduling messages that have to be sent.
CREATE TABLE outgoing (
	account    text COLLATE "C" NOT NULL REFERENCES account (id),
	id         text COLLATE "C" NOT NULL, -- in the order of creation
	sender     text COLLATE "C" NOT NULL,
	recipient  text COLLATE "C" NOT NULL,
	method     text COLLATE "C" NOT NULL,
	uid        text COLLATE "C" NOT NULL,
	next_at    bigint NOT NULL, -- when it is due, or due again
	created    bigint NOT NULL,
	tries      bigint NOT NULL,
	last_error text COLLATE "C" NOT NULL,
	size       bigint NOT NULL,
	text       bytea NOT NULL,
	PRIMARY KEY (account, id)
);
CREATE INDEX outgoing_due ON outgoing (next_at, account, id);

-- The moves of accounts from and to other back ends, as store.Move describes them.
CREATE TABLE moved (
	account text COLLATE "C" NOT NULL,
	id      text COLLATE "C" NOT NULL, -- random
	backend text COLLATE "C" NOT NULL, -- the other one
	state   bigint NOT NULL,
	at      bigint NOT NULL,
	PRIMARY KEY (account, id)
);
CREATE INDEX moved_leaving ON moved (account) WHERE state = 1;
