"""The boards and rules by which a production `express` is watched, and the proof that they work.

    docker compose -f grafana/docker-compose.yml up      Prometheus and Grafana beside an `express` on this host
    python -m grafana.boards                             write dashboards/*.json anew
    python -m grafana.load                               something to look at: four workflows under a changing load
    python -m grafana.render                             draw the boards from that load into pictures/

`panels` knows what Grafana's JSON looks like, `overview`, `workflow` and `runtime` say what the three boards show.
`prometheus` runs a real Prometheus; the tests ask it every question the boards and rules ask, and `render` draws its
answers with `drawing`, so that no picture here is a mock-up.
"""
