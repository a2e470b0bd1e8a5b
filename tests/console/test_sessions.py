from appliance.console.sessions import ABSOLUTE_SECONDS, MOST_SESSIONS, Sessions, same


def test_a_session_is_found_by_its_token_alone():
    sessions = Sessions(600)
    token, session = sessions.begin("g", 0.0)
    assert sessions.find(token, "g", 1.0) is session
    assert sessions.find(token[:-1], "g", 1.0) is None
    assert token not in repr(sessions)


def test_whoever_does_nothing_is_out_and_a_page_that_refreshes_itself_does_nothing():
    sessions = Sessions(600)
    token, _ = sessions.begin("g", 0.0)
    assert sessions.find(token, "g", 500.0)
    assert sessions.find(token, "g", 1000.0, touch=False)
    assert sessions.find(token, "g", 1101.0) is None


def test_a_login_ends_however_much_is_clicked():
    sessions = Sessions(600)
    token, _ = sessions.begin("g", 0.0)
    for moment in range(0, int(ABSOLUTE_SECONDS), 500):
        assert sessions.find(token, "g", float(moment))
    assert sessions.find(token, "g", ABSOLUTE_SECONDS + 1) is None


def test_another_password_ends_every_session():
    sessions = Sessions(600)
    token, _ = sessions.begin("old", 0.0)
    assert sessions.find(token, "new", 1.0) is None
    assert sessions.find(token, "old", 1.0) is None


def test_no_password_ends_every_session():
    sessions = Sessions(600)
    token, _ = sessions.begin("old", 0.0)
    assert sessions.find(token, None, 1.0) is None


def test_a_logout_ends_one_session():
    sessions = Sessions(600)
    one, _ = sessions.begin("g", 0.0)
    two, _ = sessions.begin("g", 0.0)
    sessions.end(one)
    assert sessions.find(one, "g", 1.0) is None
    assert sessions.find(two, "g", 1.0)


def test_there_are_only_so_many_and_the_idlest_makes_way():
    sessions = Sessions(600)
    tokens = [sessions.begin("g", float(number))[0] for number in range(MOST_SESSIONS)]
    sessions.find(tokens[0], "g", 100.0)
    sessions.begin("g", 101.0)
    assert len(sessions) == MOST_SESSIONS
    assert sessions.find(tokens[0], "g", 102.0)
    assert sessions.find(tokens[1], "g", 102.0) is None


def test_every_session_has_its_own_proof_for_forms():
    sessions = Sessions(600)
    assert sessions.begin("g", 0.0)[1].csrf != sessions.begin("g", 0.0)[1].csrf


def test_secrets_are_compared_whatever_they_are_made_of():
    assert same("密码", "密码")
    assert not same("密码", "")
    assert not same("\udc80", "x")
