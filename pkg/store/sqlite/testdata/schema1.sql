PRAGMA application_id = 1684108897;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('backend','defaultbackend');
INSERT INTO meta VALUES('epoch','5be1c0de5be1c0de');
INSERT INTO meta VALUES('schema','1');
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
INSERT INTO account VALUES('426dfa81-3ec811e0-808bb160-e71a5247','426dfa81-3ec811e0-808bb160-e71a5247',1,'jdoe@example.com',replace('jdoe@example.com\nalias.jdoe@example.com','\n',char(10)),'Name [2J jdoe@example.com',0,1,'jdoe@example.com','',1793534401000000,1793534401000000,0,1,1793534401000003,0,'22:http://example.com/ns/4:mood18:<mood>grün</mood>','');
INSERT INTO account VALUES('gone','gone',3,'room@example.com','room@example.com','',0,0,'','',1793534408000000,1793534409000000,1793534409000000,2,1793534408000001,0,'','');
INSERT INTO account VALUES('Ünïque ''; --','Ünïque ''; --',1,'Anne.Smith@example.com',replace('Anne.Smith@example.com\nalias.Anne.Smith@example.com','\n',char(10)),'Name [2J Anne.Smith@example.com',0,1,'Anne.Smith@example.com','',1793534402000000,1793534402000000,0,1,1793534402000002,0,'','');
CREATE TABLE address (
	address TEXT NOT NULL PRIMARY KEY,
	account TEXT NOT NULL REFERENCES account (id)
) STRICT, WITHOUT ROWID;
INSERT INTO address VALUES('alias.jdoe@example.com','426dfa81-3ec811e0-808bb160-e71a5247');
INSERT INTO address VALUES('jdoe@example.com','426dfa81-3ec811e0-808bb160-e71a5247');
INSERT INTO address VALUES('alias.anne.smith@example.com','Ünïque ''; --');
INSERT INTO address VALUES('anne.smith@example.com','Ünïque ''; --');
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
INSERT INTO collection VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000000,'calendar',1,'','','VEVENT VTODO','',0,'',0,1793534401000000,1793534401000000,0,0,0,1,1001,'');
INSERT INTO collection VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000001,'calendar_inbox',2,'','','VEVENT VTODO','',0,'',0,1793534401000000,1793534401000000,0,1,0,1,1002,'');
INSERT INTO collection VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000002,'work',1,'','','VEVENT VTODO','#3366cc',0,'',0,1793534403000000,1793534403000000,0,3,0,1,1003,'25:http://apple.com/ns/ical/14:calendar-order1:2');
INSERT INTO collection VALUES('gone',1793534408000000,'calendar',1,'','','VEVENT VTODO','',0,'',0,1793534408000000,1793534408000000,0,0,0,1,1004,'');
INSERT INTO collection VALUES('Ünïque ''; --',1793534402000000,'calendar',1,'','','VEVENT VTODO','',0,'',0,1793534402000000,1793534402000000,0,0,0,1,1005,'');
INSERT INTO collection VALUES('Ünïque ''; --',1793534402000001,'calendar_inbox',2,'','','VEVENT VTODO','',0,'',0,1793534402000000,1793534402000000,0,0,0,1,1006,'');
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
INSERT INTO ace VALUES('426dfa81-3ec811e0-808bb160-e71a5247',0,0,1,'','','s');
INSERT INTO ace VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000002,0,3,'Ünïque ''; --','Anne.Smith@example.com','rw');
INSERT INTO ace VALUES('Ünïque ''; --',0,0,1,'','','s');
CREATE TABLE representative (
	account TEXT NOT NULL REFERENCES account (id),
	role    INTEGER NOT NULL, -- 1 delegate, 2 owner
	place   INTEGER NOT NULL, -- in the list
	person  TEXT NOT NULL,    -- the unique id
	address TEXT NOT NULL,
	PRIMARY KEY (account, role, place)
) STRICT, WITHOUT ROWID;
INSERT INTO representative VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1,0,'Ünïque ''; --','Anne.Smith@example.com');
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
INSERT INTO component VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000002,'a.ics','uid-a.ics','VEVENT','',0,'','TENTATIVE',0,1796112000000000,1796115600000000,0,0,0,'8dd394ac6fb0c6ca37a8f65e65106c53',42,1793534404000000,1793534404000000,1,'0:4:note5:''; --',X'424547494e3a5643414c454e4441520d0a583a612e696373ff0d0a454e443a5643414c454e4441520d0a');
INSERT INTO component VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000001,'m.ics','uid-m.ics','VEVENT','REQUEST',1,'','TENTATIVE',0,1796112000000000,1796115600000000,0,0,0,'86c4e21bf6c6bc9556eedd247ce38fbe',42,1793534407000000,1793534407000000,1,'',X'424547494e3a5643414c454e4441520d0a583a6d2e696373ff0d0a454e443a5643414c454e4441520d0a');
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
INSERT INTO trash VALUES('426dfa81-3ec811e0-808bb160-e71a5247',1793534401000002,3,'b.ics',1793534406000000,0,'uid-b.ics','VEVENT','',0,'','TENTATIVE',0,1796112000000000,1796115600000000,0,0,0,'4bbc27387e6ac8f107b2a2c6aa90adf6',42,1793534405000000,1793534405000000,'0:4:note5:''; --',X'424547494e3a5643414c454e4441520d0a583a622e696373ff0d0a454e443a5643414c454e4441520d0a');
CREATE TABLE subscription (
	account       TEXT NOT NULL REFERENCES account (id),
	owner         TEXT NOT NULL,
	calendar      TEXT NOT NULL,
	owner_address TEXT NOT NULL,
	created       INTEGER NOT NULL,
	PRIMARY KEY (account, owner, calendar)
) STRICT, WITHOUT ROWID;
INSERT INTO subscription VALUES('Ünïque ''; --','426dfa81-3ec811e0-808bb160-e71a5247','work','jdoe@example.com',1793534407000000);
CREATE TABLE content (
	account TEXT NOT NULL REFERENCES account (id),
	number  INTEGER NOT NULL, -- random
	hash    TEXT NOT NULL, -- SHA-256; '' during the transaction that adds it
	size    INTEGER NOT NULL,
	PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
INSERT INTO content VALUES('426dfa81-3ec811e0-808bb160-e71a5247',77,'672f7fafc3150580b386b92162ea7fc8631afd6f7835a7ff32351e2a10938a3e',12);
CREATE TABLE chunk (
	account TEXT NOT NULL,
	number  INTEGER NOT NULL,
	serial  INTEGER NOT NULL,
	data    BLOB NOT NULL,
	PRIMARY KEY (account, number, serial),
	FOREIGN KEY (account, number) REFERENCES content (account, number)
) STRICT;
INSERT INTO chunk VALUES('426dfa81-3ec811e0-808bb160-e71a5247',77,0,X'255044462d312e370d0aff00');
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
INSERT INTO attachment VALUES('426dfa81-3ec811e0-808bb160-e71a5247','0123456789abcdef0123456789abcdef','','a b.pdf','application/pdf',77,1793534410000000,0);
INSERT INTO attachment VALUES('426dfa81-3ec811e0-808bb160-e71a5247','1123456789abcdef0123456789abcdef','box','x.pdf','',77,1793534411000000,1793534412000000);
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
INSERT INTO outgoing VALUES('Ünïque ''; --','00065f3330f8ce00000001aabbccddeeff0011','mailto:anne.smith@example.com','mailto:x@example.org','REQUEST','uid-1',1793534420000000,1793534413000000,2,'no answer',48,X'424547494e3a5643414c454e4441520d0a4d4554484f443a524551554553540d0a454e443a5643414c454e4441520d0a');
CREATE TABLE moved (
	account TEXT NOT NULL,
	id      TEXT NOT NULL, -- random
	backend TEXT NOT NULL, -- the other one
	state   INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
INSERT INTO moved VALUES('left','ABCDEFGHIJKLMNOPQRSTUVWXYZ','other',2,1793534414000000);
CREATE UNIQUE INDEX account_folded ON account (folded);
CREATE INDEX account_mail ON account (mail, id);
CREATE INDEX account_deleted ON account (deleted) WHERE deleted > 0;
CREATE INDEX address_account ON address (account);
CREATE UNIQUE INDEX collection_name ON collection (account, name) WHERE deleted = 0;
CREATE INDEX collection_deleted ON collection (deleted) WHERE deleted > 0;
CREATE INDEX ace_person ON ace (principal, number) WHERE kind = 3;
CREATE INDEX representative_person ON representative (person, role);
CREATE UNIQUE INDEX component_uid ON component (account, uid, number) WHERE method = '';
CREATE UNIQUE INDEX component_revision ON component (account, number, revision) WHERE revision <> 0;
CREATE INDEX component_span ON component (account, number, start_at, name, end_at) WHERE long = 0;
CREATE INDEX component_long ON component (account, number, start_at, name, end_at) WHERE long = 1;
CREATE INDEX trash_deleted ON trash (deleted);
CREATE INDEX trash_name ON trash (account, number, name, revision);
CREATE INDEX subscription_owner ON subscription (owner);
CREATE UNIQUE INDEX content_hash ON content (account, hash) WHERE hash <> '';
CREATE UNIQUE INDEX attachment_name ON attachment (account, folder, name) WHERE folder <> '' AND deleted = 0;
CREATE INDEX attachment_content ON attachment (account, content);
CREATE INDEX attachment_deleted ON attachment (deleted) WHERE deleted > 0;
CREATE INDEX outgoing_due ON outgoing (next_at, account, id);
CREATE INDEX moved_leaving ON moved (account) WHERE state = 1;
COMMIT;
