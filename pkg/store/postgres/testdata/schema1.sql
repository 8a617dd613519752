CREATE SCHEMA davadmin;
CREATE TABLE davadmin.account (
    id text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    kind bigint NOT NULL,
    mail text NOT NULL COLLATE pg_catalog."C",
    addresses text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    attendance bigint NOT NULL,
    notify bigint NOT NULL,
    notify_to text NOT NULL COLLATE pg_catalog."C",
    delegate_notify_to text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    changed bigint NOT NULL,
    deleted bigint NOT NULL,
    version bigint NOT NULL,
    next_number bigint NOT NULL,
    revision_base bigint NOT NULL,
    properties text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    leaving text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.ace (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    place bigint NOT NULL,
    kind bigint NOT NULL,
    principal text NOT NULL COLLATE pg_catalog."C",
    address text NOT NULL COLLATE pg_catalog."C",
    rights text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.address (
    address text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.attachment (
    account text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    folder text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    content_type text NOT NULL COLLATE pg_catalog."C",
    content bigint NOT NULL,
    created bigint NOT NULL,
    deleted bigint NOT NULL
);
CREATE TABLE davadmin.chunk (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    serial bigint NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE davadmin.collection (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    kind bigint NOT NULL,
    display_name text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL COLLATE pg_catalog."C",
    components text NOT NULL COLLATE pg_catalog."C",
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
    incarnation bigint NOT NULL,
    properties text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.component (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    uid text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL COLLATE pg_catalog."C",
    state bigint NOT NULL,
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
    properties text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    text bytea NOT NULL
);
CREATE TABLE davadmin.content (
    account text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    hash text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL
);
CREATE TABLE davadmin.meta (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE davadmin.moved (
    account text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    backend text NOT NULL COLLATE pg_catalog."C",
    state bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE davadmin.outgoing (
    account text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    sender text NOT NULL COLLATE pg_catalog."C",
    recipient text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL COLLATE pg_catalog."C",
    uid text NOT NULL COLLATE pg_catalog."C",
    next_at bigint NOT NULL,
    created bigint NOT NULL,
    tries bigint NOT NULL,
    last_error text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    text bytea NOT NULL
);
CREATE TABLE davadmin.representative (
    account text NOT NULL COLLATE pg_catalog."C",
    role bigint NOT NULL,
    place bigint NOT NULL,
    person text NOT NULL COLLATE pg_catalog."C",
    address text NOT NULL COLLATE pg_catalog."C"
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
    moved bigint NOT NULL,
    uid text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL COLLATE pg_catalog."C",
    state bigint NOT NULL,
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
    properties text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    text bytea NOT NULL
);
INSERT INTO davadmin.account VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', '426dfa81-3ec811e0-808bb160-e71a5247', 1, 'jdoe@example.com', 'jdoe@example.com
alias.jdoe@example.com', 'Name [2J jdoe@example.com', 0, 1, 'jdoe@example.com', '', 1793534401000000, 1793534401000000, 0, 1, 1793534401000003, 0, '22:http://example.com/ns/4:mood18:<mood>grün</mood>', '');
INSERT INTO davadmin.account VALUES ('gone', 'gone', 3, 'room@example.com', 'room@example.com', '', 0, 0, '', '', 1793534408000000, 1793534409000000, 1793534409000000, 2, 1793534408000001, 0, '', '');
INSERT INTO davadmin.account VALUES ('Ünïque ''; --', 'Ünïque ''; --', 1, 'Anne.Smith@example.com', 'Anne.Smith@example.com
alias.Anne.Smith@example.com', 'Name [2J Anne.Smith@example.com', 0, 1, 'Anne.Smith@example.com', '', 1793534402000000, 1793534402000000, 0, 1, 1793534402000002, 0, '', '');
INSERT INTO davadmin.ace VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 0, 0, 1, '', '', 's');
INSERT INTO davadmin.ace VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 0, 3, 'Ünïque ''; --', 'Anne.Smith@example.com', 'rw');
INSERT INTO davadmin.ace VALUES ('Ünïque ''; --', 0, 0, 1, '', '', 's');
INSERT INTO davadmin.address VALUES ('jdoe@example.com', '426dfa81-3ec811e0-808bb160-e71a5247');
INSERT INTO davadmin.address VALUES ('alias.jdoe@example.com', '426dfa81-3ec811e0-808bb160-e71a5247');
INSERT INTO davadmin.address VALUES ('anne.smith@example.com', 'Ünïque ''; --');
INSERT INTO davadmin.address VALUES ('alias.anne.smith@example.com', 'Ünïque ''; --');
INSERT INTO davadmin.attachment VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', '0123456789abcdef0123456789abcdef', '', 'a b.pdf', 'application/pdf', 77, 1793534410000000, 0);
INSERT INTO davadmin.attachment VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', '1123456789abcdef0123456789abcdef', 'box', 'x.pdf', '', 77, 1793534411000000, 1793534412000000);
INSERT INTO davadmin.chunk VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 77, 0, '\x255044462d312e370d0aff00');
INSERT INTO davadmin.collection VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000000, 'calendar', 1, '', '', 'VEVENT VTODO', '', 0, '', 0, 1793534401000000, 1793534401000000, 0, 0, 0, 1, 1001, '');
INSERT INTO davadmin.collection VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000001, 'calendar_inbox', 2, '', '', 'VEVENT VTODO', '', 0, '', 0, 1793534401000000, 1793534401000000, 0, 1, 0, 1, 1002, '');
INSERT INTO davadmin.collection VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 'work', 1, '', '', 'VEVENT VTODO', '#3366cc', 0, '', 0, 1793534403000000, 1793534403000000, 0, 3, 0, 1, 1003, '25:http://apple.com/ns/ical/14:calendar-order1:2');
INSERT INTO davadmin.collection VALUES ('gone', 1793534408000000, 'calendar', 1, '', '', 'VEVENT VTODO', '', 0, '', 0, 1793534408000000, 1793534408000000, 0, 0, 0, 1, 1004, '');
INSERT INTO davadmin.collection VALUES ('Ünïque ''; --', 1793534402000000, 'calendar', 1, '', '', 'VEVENT VTODO', '', 0, '', 0, 1793534402000000, 1793534402000000, 0, 0, 0, 1, 1005, '');
INSERT INTO davadmin.collection VALUES ('Ünïque ''; --', 1793534402000001, 'calendar_inbox', 2, '', '', 'VEVENT VTODO', '', 0, '', 0, 1793534402000000, 1793534402000000, 0, 0, 0, 1, 1006, '');
INSERT INTO davadmin.component VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 'a.ics', 'uid-a.ics', 'VEVENT', '', 0, '', 'TENTATIVE', 0, 1796112000000000, 1796115600000000, 0, 0, 0, '8dd394ac6fb0c6ca37a8f65e65106c53', 42, 1793534404000000, 1793534404000000, 1, '0:4:note5:''; --', '\x424547494e3a5643414c454e4441520d0a583a612e696373ff0d0a454e443a5643414c454e4441520d0a');
INSERT INTO davadmin.component VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000001, 'm.ics', 'uid-m.ics', 'VEVENT', 'REQUEST', 1, '', 'TENTATIVE', 0, 1796112000000000, 1796115600000000, 0, 0, 0, '86c4e21bf6c6bc9556eedd247ce38fbe', 42, 1793534407000000, 1793534407000000, 1, '', '\x424547494e3a5643414c454e4441520d0a583a6d2e696373ff0d0a454e443a5643414c454e4441520d0a');
INSERT INTO davadmin.content VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 77, '672f7fafc3150580b386b92162ea7fc8631afd6f7835a7ff32351e2a10938a3e', 12);
INSERT INTO davadmin.meta VALUES ('backend', 'defaultbackend');
INSERT INTO davadmin.meta VALUES ('epoch', '5be1c0de5be1c0de');
INSERT INTO davadmin.meta VALUES ('schema', '1');
INSERT INTO davadmin.moved VALUES ('left', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'other', 2, 1793534414000000);
INSERT INTO davadmin.outgoing VALUES ('Ünïque ''; --', '00065f3330f8ce00000001aabbccddeeff0011', 'mailto:anne.smith@example.com', 'mailto:x@example.org', 'REQUEST', 'uid-1', 1793534420000000, 1793534413000000, 2, 'no answer', 48, '\x424547494e3a5643414c454e4441520d0a4d4554484f443a524551554553540d0a454e443a5643414c454e4441520d0a');
INSERT INTO davadmin.representative VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1, 0, 'Ünïque ''; --', 'Anne.Smith@example.com');
INSERT INTO davadmin.subscription VALUES ('Ünïque ''; --', '426dfa81-3ec811e0-808bb160-e71a5247', 'work', 'jdoe@example.com', 1793534407000000);
INSERT INTO davadmin.trash VALUES ('426dfa81-3ec811e0-808bb160-e71a5247', 1793534401000002, 3, 'b.ics', 1793534406000000, 0, 'uid-b.ics', 'VEVENT', '', 0, '', 'TENTATIVE', 0, 1796112000000000, 1796115600000000, 0, 0, 0, '4bbc27387e6ac8f107b2a2c6aa90adf6', 42, 1793534405000000, 1793534405000000, '0:4:note5:''; --', '\x424547494e3a5643414c454e4441520d0a583a622e696373ff0d0a454e443a5643414c454e4441520d0a');
ALTER TABLE ONLY davadmin.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY davadmin.ace
    ADD CONSTRAINT ace_pkey PRIMARY KEY (account, number, place);
ALTER TABLE ONLY davadmin.address
    ADD CONSTRAINT address_pkey PRIMARY KEY (address);
ALTER TABLE ONLY davadmin.attachment
    ADD CONSTRAINT attachment_pkey PRIMARY KEY (account, id);
ALTER TABLE ONLY davadmin.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (account, number, serial);
ALTER TABLE ONLY davadmin.collection
    ADD CONSTRAINT collection_pkey PRIMARY KEY (account, number);
ALTER TABLE ONLY davadmin.component
    ADD CONSTRAINT component_pkey PRIMARY KEY (account, number, name);
ALTER TABLE ONLY davadmin.content
    ADD CONSTRAINT content_pkey PRIMARY KEY (account, number);
ALTER TABLE ONLY davadmin.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY davadmin.moved
    ADD CONSTRAINT moved_pkey PRIMARY KEY (account, id);
ALTER TABLE ONLY davadmin.outgoing
    ADD CONSTRAINT outgoing_pkey PRIMARY KEY (account, id);
ALTER TABLE ONLY davadmin.representative
    ADD CONSTRAINT representative_pkey PRIMARY KEY (account, role, place);
ALTER TABLE ONLY davadmin.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (account, owner, calendar);
ALTER TABLE ONLY davadmin.trash
    ADD CONSTRAINT trash_pkey PRIMARY KEY (account, number, revision);
CREATE INDEX account_deleted ON davadmin.account USING btree (deleted) WHERE (deleted > 0);
CREATE UNIQUE INDEX account_folded ON davadmin.account USING btree (folded);
CREATE INDEX account_mail ON davadmin.account USING btree (mail, id);
CREATE INDEX ace_person ON davadmin.ace USING btree (principal, number) WHERE (kind = 3);
CREATE INDEX address_account ON davadmin.address USING btree (account);
CREATE INDEX attachment_content ON davadmin.attachment USING btree (account, content);
CREATE INDEX attachment_deleted ON davadmin.attachment USING btree (deleted) WHERE (deleted > 0);
CREATE UNIQUE INDEX attachment_name ON davadmin.attachment USING btree (account, folder, name) WHERE ((folder <> ''::text) AND (deleted = 0));
CREATE INDEX collection_deleted ON davadmin.collection USING btree (deleted) WHERE (deleted > 0);
CREATE UNIQUE INDEX collection_name ON davadmin.collection USING btree (account, name) WHERE (deleted = 0);
CREATE INDEX component_long ON davadmin.component USING btree (account, number, start_at, name, end_at) WHERE (long = 1);
CREATE UNIQUE INDEX component_revision ON davadmin.component USING btree (account, number, revision) WHERE (revision <> 0);
CREATE INDEX component_span ON davadmin.component USING btree (account, number, start_at, name, end_at) WHERE (long = 0);
CREATE UNIQUE INDEX component_uid ON davadmin.component USING btree (account, uid, number) WHERE (method = ''::text);
CREATE UNIQUE INDEX content_hash ON davadmin.content USING btree (account, hash) WHERE (hash <> ''::text);
CREATE INDEX moved_leaving ON davadmin.moved USING btree (account) WHERE (state = 1);
CREATE INDEX outgoing_due ON davadmin.outgoing USING btree (next_at, account, id);
CREATE INDEX representative_person ON davadmin.representative USING btree (person, role);
CREATE INDEX subscription_owner ON davadmin.subscription USING btree (owner);
CREATE INDEX trash_deleted ON davadmin.trash USING btree (deleted);
CREATE INDEX trash_name ON davadmin.trash USING btree (account, number, name, revision);
ALTER TABLE ONLY davadmin.ace
    ADD CONSTRAINT ace_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.address
    ADD CONSTRAINT address_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.attachment
    ADD CONSTRAINT attachment_account_content_fkey FOREIGN KEY (account, content) REFERENCES davadmin.content(account, number);
ALTER TABLE ONLY davadmin.attachment
    ADD CONSTRAINT attachment_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.chunk
    ADD CONSTRAINT chunk_account_number_fkey FOREIGN KEY (account, number) REFERENCES davadmin.content(account, number);
ALTER TABLE ONLY davadmin.collection
    ADD CONSTRAINT collection_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.component
    ADD CONSTRAINT component_account_number_fkey FOREIGN KEY (account, number) REFERENCES davadmin.collection(account, number);
ALTER TABLE ONLY davadmin.content
    ADD CONSTRAINT content_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.outgoing
    ADD CONSTRAINT outgoing_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.representative
    ADD CONSTRAINT representative_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.subscription
    ADD CONSTRAINT subscription_account_fkey FOREIGN KEY (account) REFERENCES davadmin.account(id);
ALTER TABLE ONLY davadmin.trash
    ADD CONSTRAINT trash_account_number_fkey FOREIGN KEY (account, number) REFERENCES davadmin.collection(account, number);
