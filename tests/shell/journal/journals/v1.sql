-- A journal of schema 1, as the voicecoach of that time made it; never to be changed.
PRAGMA application_id = 1987012963;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE calls (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            started_at TEXT NOT NULL,
            duration_s REAL NOT NULL,
            complete INTEGER NOT NULL,
            live INTEGER NOT NULL,
            words INTEGER NOT NULL,
            voicecoach TEXT NOT NULL,
            notice TEXT NOT NULL,
            agent_speech_s REAL NOT NULL,
            customer_speech_s REAL NOT NULL,
            agent_talk_share REAL NOT NULL,
            agent_turns INTEGER NOT NULL,
            customer_turns INTEGER NOT NULL,
            agent_overlaps INTEGER NOT NULL,
            customer_overlaps INTEGER NOT NULL,
            overlap_s REAL NOT NULL,
            longest_agent_turn_s REAL NOT NULL,
            agitation_mean REAL,
            agitation_peak REAL,
            agitation_peak_s REAL,
            agitation_end REAL
        ) STRICT;
INSERT INTO "calls" VALUES('c2b77afd6eeed','auto_repairs_40','2026-03-02T09:30:00Z',245.392,1,0,1,'0.1.0','',95.776,99.36,4.90816661200393578035e-01,12,15,0,0,0.16,28.096,6.82451339915372823252e-02,0.6057,196.224,0.001);
CREATE TABLE cues (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            cue TEXT NOT NULL,
            title TEXT NOT NULL,
            opened_s REAL NOT NULL,
            closed_s REAL,
            closed_because TEXT NOT NULL,
            priority INTEGER NOT NULL,
            held_s REAL NOT NULL,
            evidence TEXT NOT NULL,
            message TEXT NOT NULL
        ) STRICT;
INSERT INTO "cues" VALUES('c2b77afd6eeed','set-expectations','Say by when',111.36,114.048,'superseded by slow-down',2,0.0,'{"vague_promise_s":5.0,"promise_said":"as soon as possible"}','You promised "as soon as possible" and no time. Say by when.');
INSERT INTO "cues" VALUES('c2b77afd6eeed','slow-down','Slow down',114.048,120.704,'behaviour stopped',3,1.024,'{"agent_rate_ratio":1.36,"agent_rate_syl_s":6.06,"agent_baseline_rate_syl_s":4.46}','6.1 syllables a second in the last few seconds, your usual is 4.5. One breath.');
CREATE TABLE feedback (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            cue TEXT NOT NULL,
            opened_s REAL NOT NULL,
            at_s REAL NOT NULL,
            helpful INTEGER NOT NULL
        ) STRICT;
INSERT INTO "feedback" VALUES('c2b77afd6eeed','slow-down',114.048,118.0,1);
CREATE TABLE held_back (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            cue TEXT NOT NULL,
            at_s REAL NOT NULL,
            reason TEXT NOT NULL
        ) STRICT;
INSERT INTO "held_back" VALUES('c2b77afd6eeed','set-expectations',114.176,'cooldown');
CREATE TABLE notes (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            noted_at TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
INSERT INTO "notes" VALUES('c2b77afd6eeed','2026-03-03T08:00:00Z','Listen to 1:51 again; "as soon as possible"');
CREATE TABLE outcomes (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            cue TEXT NOT NULL,
            at_s REAL NOT NULL,
            shown INTEGER NOT NULL,
            reason TEXT NOT NULL,
            heeded INTEGER,
            signal TEXT NOT NULL,
            before REAL,
            after REAL,
            agitation_before REAL,
            agitation_after REAL
        ) STRICT;
INSERT INTO "outcomes" VALUES('c2b77afd6eeed','set-expectations',111.36,1,'',0,'',NULL,NULL,0.0012,0.013);
INSERT INTO "outcomes" VALUES('c2b77afd6eeed','slow-down',114.048,1,'',0,'agent_rate_ratio',1.3572,1.149,0.0012,0.0017);
CREATE TABLE quotes (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            technique TEXT NOT NULL,
            missed INTEGER NOT NULL,
            speaker TEXT NOT NULL,
            start_s REAL NOT NULL,
            end_s REAL NOT NULL,
            text TEXT NOT NULL,
            why TEXT NOT NULL
        ) STRICT;
INSERT INTO "quotes" VALUES('c2b77afd6eeed','apology',0,'agent',111.0,112.5,'I''m sorry about that','says sorry once');
CREATE TABLE scores (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            technique TEXT NOT NULL,
            name TEXT NOT NULL,
            score REAL CHECK (score BETWEEN 0 AND 1),
            formula TEXT NOT NULL,
            seen INTEGER NOT NULL,
            missed INTEGER NOT NULL,
            PRIMARY KEY (call, technique)
        ) STRICT;
INSERT INTO "scores" VALUES('c2b77afd6eeed','apology','Apology in measure',0.75,'3 of 4 = 0.75',1,0);
INSERT INTO "scores" VALUES('c2b77afd6eeed','patience','Patience',NULL,'no occasion',0,0);
CREATE TABLE surveys (
            call TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE PRIMARY KEY,
            csat INTEGER CHECK (csat BETWEEN 1 AND 5),
            nps INTEGER CHECK (nps BETWEEN 0 AND 10),
            ces INTEGER CHECK (ces BETWEEN 1 AND 7),
            notes TEXT NOT NULL
        ) STRICT;
INSERT INTO "surveys" VALUES('c2b77afd6eeed',4,9,NULL,'a calm end');
CREATE INDEX calls_by_start ON calls (started_at);
CREATE INDEX cues_by_call ON cues (call);
CREATE INDEX held_back_by_call ON held_back (call);
CREATE INDEX outcomes_by_call ON outcomes (call);
CREATE INDEX feedback_by_call ON feedback (call);
CREATE INDEX quotes_by_call ON quotes (call);
CREATE INDEX notes_by_call ON notes (call);
COMMIT;
