"""Operations that CLI, API and pages share: validation, views, journal, dead letters, replay, status, doctor."""
