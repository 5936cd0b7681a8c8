"""The bus: requests between parties, from asking to the one final.

asking       sending, guards, payload, roundtables
giving       post_office, team, handoffs
the work     brief, read_texts, progress, evidence, watches, watched_files
ending       finals, ending, deadlines, dead_letters
telling      continuations, prompt_news, digest_reminder, notices
the log      log, diagram
the files    files: mirrors, the inbox folder, follow-ups
the radar    radar: technologies, what is decided of them, and asked for it
"""
