"""Plays golden transcripts against a server: sends what the client says in them, waits for what the server says, and compares.

A message may have more fields than its line in the transcript, and what nothing orders may come in any order. `<task:1>` and the like
stand for the same value everywhere in a transcript.
"""
import contextlib, http.client, json, os, queue, re, sys, tempfile, threading
from pathlib import Path

from client import Door, Lsp

HOLE = re.compile('(<(?:any|number|time|version|hash|root|state|script|(?:task|session|patch|approval|memory|request|id):[0-9]+)>)')
VIEWS = ('$/animus/task', '$/animus/patch', '$/animus/approval', '$/animus/status', 'textDocument/publishDiagnostics', 'window/logMessage')

class Http(Door):
    """`animus serve`: each message is a request, or the status, a line and the end of its answer."""
    def __init__(self, folder, env):
        super().__init__(['serve', '--json', '--addr', '127.0.0.1:0'], folder, env)
        hello = json.loads(self.process.stdout.readline())
        self.address, self.token = hello['listening'].split('//')[1], Path(hello['token_file']).read_text().strip()

    def send(self, message):
        threading.Thread(target=self.ask, args=(message,), daemon=True).start()

    def ask(self, message):
        connection, which = http.client.HTTPConnection(self.address), {'request': message['request']}
        headers = {'Authorization': 'Bearer ' + self.token} if message.get('token', True) else {}
        body = json.dumps(message['body']) if 'body' in message else None
        connection.request(message['method'], message['path'], body, {'Content-Type': 'application/json', **headers})
        answer = connection.getresponse()
        if 'ndjson' not in answer.getheader('content-type', ''):
            text = answer.read().decode()
            said = json.loads(text) if text[:1] in '{[' else text
            return self.inbox.put({**which, 'status': answer.status, 'body': said})
        self.inbox.put({**which, 'status': answer.status})
        for line in answer:
            self.inbox.put({**which, 'line': json.loads(line)})
        self.inbox.put({**which, 'end': True})

    def end(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, 'the server did not end well'

def matches(expected, actual, bound):
    """Whether a message is the expected one; learns what placeholders stand for."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(key in actual and matches(it, actual[key], bound) for key, it in expected.items())
    if isinstance(expected, list):
        same = isinstance(actual, list) and len(expected) == len(actual)
        return same and all(matches(one, other, bound) for one, other in zip(expected, actual))
    if not isinstance(expected, str):
        return expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    if expected in ('<any>', '<number>'):
        return expected == '<any>' or isinstance(actual, (int, float))
    if isinstance(actual, int) and HOLE.fullmatch(expected):
        return bound.setdefault(expected, actual) == actual
    holes, pattern = [], ''
    for piece in HOLE.split(expected):
        if not HOLE.fullmatch(piece) or piece in bound:
            pattern += re.escape(str(bound.get(piece, piece)))
        else:
            holes.append(piece)
            pattern += {'<any>': '(.*)', '<time>': '([0-9A-Z:.-]+)', '<version>': '([0-9a-z.+-]+)'}.get(piece, '([0-9A-Za-z_-]+)')
    found = re.fullmatch(pattern, actual, re.S) if isinstance(actual, str) else None
    return bool(found) and all(bound.setdefault(hole, value) == value for hole, value in zip(holes, found.groups()) if ':' in hole)

def fill(message, bound):
    if isinstance(message, dict):
        return {key: fill(value, bound) for key, value in message.items()}
    if isinstance(message, list):
        return [fill(value, bound) for value in message]
    if isinstance(message, str):
        return bound.get(message, HOLE.sub(lambda hole: str(bound.get(hole[0], hole[0])), message))
    return message

def is_view(message):
    """What says only how things are now, so that the next one makes it old."""
    return message.get('method') in VIEWS or message.get('params', {}).get('value', {}).get('kind') == 'report'

def take(door, pool):
    message = door.inbox.get(timeout=60)
    if message is None:
        raise queue.Empty  # nothing comes any more
    frame = message['params']['events'] if message.get('method') == '$/animus/event' else None
    pool += [message] if frame is None else [{**message, 'params': {**message['params'], 'events': [one]}} for one in frame]

def leave(door, pool):
    door.end()
    while not door.inbox.empty():
        with contextlib.suppress(queue.Empty):
            take(door, pool)

def play(head, lines, base, doors):
    root, script, bound, door, pool = base / 'ws', base / 'script.json', {}, None, []
    for path, text in [(root / path, text) for path, text in head['files'].items()] + [
            (script, json.dumps(head['script'])), (base / 'config.json', json.dumps(head['config']))]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    env = {'PATH': os.environ['PATH'], 'HOME': str(base), 'ANIMUS_CONFIG': str(base / 'config.json'),
           'ANIMUS_STATE_DIR': str(base / 'state'), 'OLLAMA_HOST': '127.0.0.1:1'}
    bound = {'<root>': str(root), '<script>': str(script), '<state>': str(base / 'state')}
    for number, line in enumerate(lines, 2):
        expected = line['message']
        if line['from'] == 'client':
            if not door:
                door = (Http if head['door'] == 'http' else Lsp)(root, env)
                doors.append(door)
            door.send(fill(expected, bound))
            if expected.get('method') != 'exit':
                continue
            leave(door, pool)
            door = None  # what comes after `exit` is a new connection
        while line['from'] == 'server':
            tries = ((message, dict(bound)) for message in pool)
            found = next(((message, learnt) for message, learnt in tries if matches(expected, message, learnt)), None)
            if found:
                pool.remove(found[0])
                bound = found[1]
                break
            try:
                take(door, pool)
            except queue.Empty:
                raise AssertionError(f'line {number} never came: {expected}; came instead: {pool}') from None
    if door:
        leave(door, pool)
    rest = [message for message in pool if not is_view(message)]
    assert not rest, f'not in the transcript: {rest}'

def replay(name):
    """Whether a transcript is what the server says today."""
    head, *lines = [json.loads(line) for line in Path(name).read_text(encoding='utf-8').splitlines()]
    try:
        with tempfile.TemporaryDirectory() as base:
            play(head['transcript'], lines, Path(base).resolve(), doors := [])
    except AssertionError as wrong:
        print(f'{Path(name).stem} ... FAILED: {wrong}', file=sys.stderr)
        for door in doors:
            door.process.kill()
        return False
    print(f'{Path(name).stem} ... ok')
    return True
