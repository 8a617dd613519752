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
	sched_acl          text COLLATE "C" NOT NULL,
	attendance         bigint NOT NULL,
	notify             bigint NOT NULL,
	notify_to          text COLLATE "C" NOT NULL,
	delegate_notify_to text COLLATE "C" NOT NULL,
	delegates          text COLLATE "C" NOT NULL,
	owners             text COLLATE "C" NOT NULL,
	created            bigint NOT NULL,
	changed            bigint NOT NULL,
	deleted            bigint NOT NULL,
	version            bigint NOT NULL,
	next_number        bigint NOT NULL,          -- of its next collection
	leaving            text COLLATE "C" NOT NULL DEFAULT '' -- the back end to which it is being moved, or ''
);
CREATE INDEX account_folded ON account (folded);
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
	acl          text COLLATE "C" NOT NULL,
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
	PRIMARY KEY (account, number)
);
CREATE UNIQUE INDEX collection_name ON collection (account, name) WHERE deleted = 0;
CREATE INDEX collection_deleted ON collection (deleted) WHERE deleted > 0;

CREATE TABLE component (
	account      text COLLATE "C" NOT NULL,
	number       bigint NOT NULL,
	name         text COLLATE "C" NOT NULL,
	uid          text COLLATE "C" NOT NULL,
	type         text COLLATE "C" NOT NULL,
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
	text         bytea NOT NULL,
	PRIMARY KEY (account, number, name),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
);
CREATE UNIQUE INDEX component_uid ON component (account, number, uid);
CREATE INDEX component_span ON component (account, number, long, start_at, end_at);

-- Components that were deleted and have not been purged yet.
CREATE TABLE trash (
	account      text COLLATE "C" NOT NULL,
	number       bigint NOT NULL,
	revision     bigint NOT NULL, -- of the deletion
	name         text COLLATE "C" NOT NULL,
	deleted      bigint NOT NULL,
	uid          text COLLATE "C" NOT NULL,
	type         text COLLATE "C" NOT NULL,
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
	text         bytea NOT NULL,
	PRIMARY KEY (account, number, revision),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
);
CREATE INDEX trash_deleted ON trash (deleted);

CREATE TABLE change_log (
	account  text COLLATE "C" NOT NULL,
	number   bigint NOT NULL,
	revision bigint NOT NULL,
	name     text COLLATE "C" NOT NULL,
	deleted  bigint NOT NULL,
	at       bigint NOT NULL,
	PRIMARY KEY (account, number, revision),
	FOREIGN KEY (account, number) REFERENCES collection (account, number)
);
CREATE INDEX change_log_name ON change_log (account, number, name, revision);

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
