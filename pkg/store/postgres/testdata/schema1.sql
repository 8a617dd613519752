CREATE SCHEMA davadmin;
CREATE TABLE davadmin.account (
    id text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    kind bigint NOT NULL,
    mail text NOT NULL COLLATE pg_catalog."C",
    addresses text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    sched_acl text NOT NULL COLLATE pg_catalog."C",
    attendance bigint NOT NULL,
    notify bigint NOT NULL,
    notify_to text NOT NULL COLLATE pg_catalog."C",
    delegate_notify_to text NOT NULL COLLATE pg_catalog."C",
    delegates text NOT NULL COLLATE pg_catalog."C",
    owners text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    changed bigint NOT NULL,
    deleted bigint NOT NULL,
    version bigint NOT NULL,
    next_number bigint NOT NULL,
    leaving text COLLATE pg_catalog."C" DEFAULT ''::text NOT NULL
);
CREATE TABLE davadmin.address (
    address text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.change_log (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    revision bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    deleted bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE davadmin.collection (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    kind bigint NOT NULL,
    display_name text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL COLLATE pg_catalog."C",
    components text NOT NULL COLLATE pg_catalog."C",
    acl text NOT NULL COLLATE pg_catalog."C",
    colour text NOT NULL COLLATE pg_catalog."C",
    sort_order bigint NOT NULL,
    time_zone text NOT NULL COLLATE pg_catalog."C",
    transparent bigint NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    deleted bigint NOT NULL,
    revision bigint NOT NULL,
    floor bigint NOT NULL,
    version bigint NOT NULL,
    incarnation bigint NOT NULL
);
CREATE TABLE davadmin.component (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    uid text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    schedule_tag text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    transparent bigint NOT NULL,
    start_at bigint NOT NULL,
    end_at bigint NOT NULL,
    long bigint NOT NULL,
    floating bigint NOT NULL,
    recurring bigint NOT NULL,
    etag text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    revision bigint NOT NULL,
    text bytea NOT NULL
);
CREATE TABLE davadmin.meta (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.moved (
    account text COLLATE pg_catalog."C" NOT NULL,
    id text COLLATE pg_catalog."C" NOT NULL,
    backend text COLLATE pg_catalog."C" NOT NULL,
    state bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE davadmin.subscription (
    account text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    calendar text NOT NULL COLLATE pg_catalog."C",
    owner_address text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL
);
CREATE TABLE davadmin.trash (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    revision bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    deleted bigint NOT NULL,
    uid text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    schedule_tag text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    transparent bigint NOT NULL,
    start_at bigint NOT NULL,
    end_at bigint NOT NULL,
    long bigint NOT NULL,
    floating bigint NOT NULL,
    recurring bigint NOT NULL,
    etag text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    text bytea NOT NULL
);
INSERT INTO davadmin.account VALUES ('Ünïque ''; --', 'Ünïque ''; --', 1, 'Anne.Smith@example.com', 'Anne.Smith@example.com
alias.Anne.Smith@example.com', 'Name [2J Anne.Smith@example.com', 's @', 0, 1, 'Anne.Smith@example.com', '', '', '', 1793534402000000, 1793534402000000, 0, 1, 1793534402000002, '');
INSERT INTO davadmin.account VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', '426dfa81-3ec811e0-808bb160-e71a5247', 1, 'jdoe@example.com', 'jdoe@example.com
alias.jdoe@example.com', 'Name [2J jdoe@example.com', 's @', 0, 1, 'jdoe@example.com', '', '', '', 1793534401000000, 1793534401000000, 0, 1, 1793534401000003, '');
INSERT INTO davadmin.account VALUES ('gone', 'gone', 3, 'room@example.com', 'room@example.com', '', '', 0, 0, '', '', '', '', 1793534408000000, 1793534409000000, 1793534409000000, 2, 1793534408000001, '');
INSERT INTO davadmin.address VALUES ('jdoe@example.com', '426dfa81-3ec811e0-808bb160-e71a5247');
INSERT INTO davadmin.address VALUES ('alias.jdoe@example.com', '426dfa81-3ec811e0-808bb160-e71a5247');
INSERT INTO davadmin.address VALUES ('anne.smith@example.com', 'Ünïque ''; --');
INSERT INTO davadmin.address VALUES ('alias.anne.smith@example.com', 'Ünïque ''; --');
INSERT INTO davadmin.change_log VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 1, 'a.ics', 0, 1793534404000000);
INSERT INTO davadmin.change_log VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 2, 'b.ics', 0, 1793534405000000);
INSERT INTO davadmin.change_log VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 3, 'b.ics', 1, 1793534406000000);
INSERT INTO davadmin.collection VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000000, 'calendar', 1, '', '', 'VEVENT VTODO', '', '', 0, '', 0, 1793534401000000, 1793534401000000, 0, 0, 0, 1, 1001);
INSERT INTO davadmin.collection VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000001, 'calendar_inbox', 2, '', '', 'VEVENT VTODO', '', '', 0, '', 0, 1793534401000000, 1793534401000000, 0, 0, 0, 1, 1002);
INSERT INTO davadmin.collection VALUES ('Ünïque ''; --', 1793534402000000, 'calendar', 1, '', '', 'VEVENT VTODO', '', '', 0, '', 0, 1793534402000000, 1793534402000000, 0, 0, 0, 1, 1003);
INSERT INTO davadmin.collection VALUES ('Ünïque ''; --', 1793534402000001, 'calendar_inbox', 2, '', '', 'VEVENT VTODO', '', '', 0, '', 0, 1793534402000000, 1793534402000000, 0, 0, 0, 1, 1004);
INSERT INTO davadmin.collection VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 'work', 1, '', '', 'VEVENT VTODO', 'rw %C3%9Cn%C3%AFque+%27%3B+-- Anne.Smith%40example.com', '#3366cc', 0, '', 0, 1793534403000000, 1793534403000000, 0, 3, 0, 1, 1005);
INSERT INTO davadmin.collection VALUES ('gone', 1793534408000000, 'calendar', 1, '', '', 'VEVENT VTODO', '', '', 0, '', 0, 1793534408000000, 1793534408000000, 0, 0, 0, 1, 1006);
INSERT INTO davadmin.component VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 'a.ics', 'uid-a.ics', 'VEVENT', '', 'TENTATIVE', 0, 1796112000000000, 1796115600000000, 0, 0, 0, '8dd394ac6fb0c6ca37a8f65e65106c53', 42, 1793534404000000, 1793534404000000, 1, '\x424547494e3a5643414c454e4441520d0a583a612e696373ff0d0a454e443a5643414c454e4441520d0a');
INSERT INTO davadmin.meta VALUES ('schema', '1');
INSERT INTO davadmin.meta VALUES ('epoch', '5be1c0de5be1c0de');
INSERT INTO davadmin.meta VALUES ('backend', 'defaultbackend');
INSERT INTO davadmin.subscription VALUES ('Ünïque ''; --', '426dfa81-3ec811e0-808bb160-e71a5247', 'work', 'jdoe@example.com', 1793534407000000);
INSERT INTO davadmin.trash VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 3, 'b.ics', 1793534406000000, 'uid-b.ics', 'VEVENT', '', 'TENTATIVE', 0, 1796112000000000, 1796115600000000, 0, 0, 0, '4bbc27387e6ac8f107b2a2c6aa90adf6', 42, 1793534405000000, 1793534405000000, '\x424547494e3a5643414c454e4441520d0a583a622e696373ff0d0a454e443a5643414c454e4441520d0a');
ALTER TABLE ONLY davadmin.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY davadmin.address
    ADD CONSTRAINT address_pkey PRIMARY KEY (address);
ALTER TABLE ONLY davadmin.change_log
    ADD CONSTRAINT change_log_pkey PRIMARY KEY (account, number, revision);
ALTER TABLE ONLY davadmin.collection
    ADD CONSTRAINT collection_pkey PRIMARY KEY (account, number);
ALTER TABLE ONLY davadmin.component
    ADD CONSTRAINT component_pkey PRIMARY KEY (account, number, name);
ALTER TABLE ONLY davadmin.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY davadmin.moved
    ADD CONSTRAINT moved_pkey PRIMARY KEY (account, id);
ALTER TABLE ONLY davadmin.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (account, owner, calendar);
ALTER TABLE ONLY davadmin.trash
    ADD CONSTRAINT trash_pkey PRIMARY KEY (account, number, revision);
CREATE INDEX account_deleted ON davadmin.account USING btree (deleted) WHERE (deleted > 0);
CREATE INDEX account_folded ON davadmin.account USING btree (folded);
CREATE INDEX account_mail ON davadmin.account USING btree (mail, id);
CREATE INDEX address_account ON davadmin.address USING btree (account);
CREATE INDEX change_log_name ON davadmin.change_log USING btree (account, number, name, revision);
CREATE INDEX collection_deleted ON davadmin.collection USING btree (deleted) WHERE (deleted > 0);
CREATE UNIQUE INDEX collection_name ON davadmin.collection USING btree (account, name) WHERE (deleted = 0);
CREATE INDEX component_span ON davadmin.component USING btree (account, number, long, start_at, end_at);
CREATE UNIQUE INDEX component_uid ON davadmin.component USING btree (account, number, uid);
CREATE INDEX moved_leaving ON davadmin.moved USING btree (account) WHERE (state = 1);
CREATE INDEX subscription_owner ON davadmin.subscription USING btree (owner);
CREATE INDEX trash_deleted ON davadmin.trash USING btree (deleted);
ALTER TABLE ONLY davadmin.address
    ADD CONSTRAINT address_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.change_log
    ADD CONSTRAINT change_log_account_number_fkey FOREIGN KEY (account, number) REFERENCES davadmin.collection(account, number);
ALTER TABLE ONLY davadmin.collection
    ADD CONSTRAINT collection_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.component
    ADD CONSTRAINT component_account_number_fkey FOREIGN KEY (account, number) REFERENCES davadmin.collection(account, number);
ALTER TABLE ONLY davadmin.subscription
    ADD CONSTRAINT subscription_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.trash
    ADD CONSTRAINT trash_account_number_fkey FOREIGN KEY (account, number) REFERENCES davadmin.collection(account, number);
