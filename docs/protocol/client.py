#!/usr/bin/env python3
"""A client of Animus in at most 200 lines: what docs/protocol.md says, in use.

    client.py FOLDER "what to do" [FILE ...]   asks the agent and shows its work; FILEs are open documents.
                                               Ctrl-C cancels; you answer its questions and decide on each hunk.
    client.py --transcript FILE.jsonl ...      plays golden transcripts against a server (replay.py beside this file).

The environment variable ANIMUS names the program where it is not `animus`.
"""
import json, os, queue, re, subprocess, sys, threading
from pathlib import Path
from urllib.parse import unquote, urlparse

class Door:
    """The program as a process: what it says comes into the inbox."""
    def __init__(self, words, folder, env=None):
        self.inbox = queue.Queue()
        self.process = subprocess.Popen([os.environ.get('ANIMUS', 'animus'), *words], cwd=folder, env=env, start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # a session of its own: Ctrl-C is ours

class Lsp(Door):
    def __init__(self, folder, env=None):
        super().__init__(['lsp'], folder, env)
        self.reader = threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def send(self, message):
        body = json.dumps(message).encode()
        self.process.stdin.write(b'Content-Length: %d\r\n\r\n%s' % (len(body), body))
        self.process.stdin.flush()

    def read(self, out):
        try:
            while head := out.readline():
                while out.readline() not in (b'\r\n', b''): pass
                self.inbox.put(json.loads(out.read(int(head.split(b':')[1]))))
        finally:
            self.inbox.put(None)  # nothing comes any more

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0, 'the server did not end well'
        self.reader.join()

class Client:
    """An editor on the terminal: documents with versions, and one task."""
    def __init__(self, folder):
        self.root, self.documents, self.answers, self.ids = Path(folder).resolve(), {}, {}, 0
        self.questions, self.patches, self.patch, self.finished, self.problem = [], {}, None, None, None
        self.door = Lsp(self.root)
        edits = {'documentChanges': True, 'resourceOperations': ['create', 'delete']}
        ours = {'protocol': [1], 'notifications': True, 'acks': True, 'verbs': ['approval/resolve', 'patch/resolve']}
        self.request('initialize', {'processId': os.getpid(), 'rootUri': self.root.as_uri(), 'capabilities': {
            'general': {'positionEncodings': ['utf-32']},  # characters, as Python counts
            'workspace': {'applyEdit': True, 'workspaceEdit': edits}, 'experimental': {'animus': ours}}})
        self.tell('initialized', {})

    def tell(self, method, params):
        self.door.send({'jsonrpc': '2.0', 'method': method, 'params': params})

    def tell_of(self, what, path, more=None, **rest):
        self.tell('textDocument/' + what, {'textDocument': {'uri': path.as_uri(), **(more or {})}, **rest})

    def request(self, method, params):
        self.ids += 1
        key = self.ids
        self.door.send({'jsonrpc': '2.0', 'id': key, 'method': method, 'params': params})
        self.pump(lambda: key in self.answers)
        answer = self.answers.pop(key)
        return answer['result'] if 'error' not in answer else sys.exit(f"{method}: {answer['error']['message']}")

    def pump(self, done):
        """Takes messages until something is so."""
        while not done():
            message = self.door.inbox.get()
            if message is None: sys.exit('the server has ended')
            method, params = message.get('method'), message.get('params')
            if method is None:
                self.answers[message['id']] = message
            elif 'id' in message:
                result = self.apply(params['edit']['documentChanges']) if method == 'workspace/applyEdit' else None
                self.door.send({'jsonrpc': '2.0', 'id': message['id'], 'result': result})
            elif method == '$/animus/event':
                for event in params['events']:
                    self.show(event['update'])
                self.tell('$/animus/ack', {'task': params['task'], 'seq': params['events'][-1]['seq']})
            elif method == '$/animus/patch':
                self.patches[params['id']] = params
            elif method == 'window/showMessage':
                self.problem = params['message']
                print('note:', self.problem)

    def open(self, path):
        text = path.read_bytes().decode() if path.exists() else ''
        self.documents[path] = {'version': 1, 'text': text}
        self.tell_of('didOpen', path, {'languageId': 'plaintext', 'version': 1, 'text': text})

    def apply(self, changes):
        """All of it, or nothing: an edit for a version that is not ours any more is refused. What was applied is saved."""
        paths = [Path(unquote(urlparse(it.get('uri') or it['textDocument']['uri']).path)) for it in changes]
        for path, change in zip(paths, changes):
            wanted = change.get('textDocument', {}).get('version')
            if wanted is not None and self.documents.get(path, {}).get('version') != wanted:
                return {'applied': False, 'failureReason': f'{path} has changed'}
        for path, change in zip(paths, changes):
            if change.get('kind') == 'delete':
                self.documents.pop(path, None)
                path.unlink()
                self.tell_of('didClose', path)
                continue
            if path not in self.documents:
                self.open(path)
            document = self.documents[path]
            for edit in sorted(change.get('edits', []), key=lambda it: place(it['range']['start']), reverse=True):
                text, span = document['text'], edit['range']
                lines = [0, *(line.end() for line in re.finditer('\r\n|\r|\n', text)), len(text)]
                start, end = (min(lines[min(line, len(lines) - 1)] + character, len(text))
                              for line, character in (place(span['start']), place(span['end'])))
                document['text'] = text[:start] + edit['newText'] + text[end:]
            document['version'] += 1
            self.tell_of('didChange', path, {'version': document['version']}, contentChanges=[{'text': document['text']}])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(document['text'].encode())
            self.tell_of('didSave', path)
        return {'applied': True}

    def show(self, update):
        match = update['type'].__eq__
        if match('message'): print(update['text'], end='', flush=True)
        if match('toolCall'): print('\n>', update['call']['title'])
        if match('toolResult') and 'failure' in update['result']: print('  failed:', update['result']['failure']['message'])
        if match('test'): print('  tests:', update['report']['verdict'])
        if match('notice'): print('  note:', update['message'])
        if match('approval'): self.questions.append(update['approval'])
        if match('patch'): self.patch = update['patch']['id']
        if match('finished'):
            self.finished = update
            print(f"\n{update['reason']}: {update['summary']}")

    def answer(self, question):
        print('\n  '.join(['\n' + question['title'], *question['details'], *question['reasons']]))
        options = dict(enumerate(question['options'], 1))
        for number, option in options.items():
            print(f"  {number}  {option['name']}")
        said = ask('your answer: ')
        chosen = options.get(int(said) if said.isdigit() else 0, {'kind': 'reject_once', 'scope': 'once'})
        self.request('animus/approval/resolve', {'approval': question['id'], 'option': chosen['kind'], 'scope': chosen['scope']})

    def state(self, path, index):
        files = self.patches.get(self.patch, {'files': []})['files']
        return next((file['hunks'][index]['state'] for file in files if file['path'] == path), 'pending')

    def review(self):
        for file in self.request('animus/patch/get', {'patch': self.patch})['files']:
            for hunk in (hunk for hunk in file['hunks'] if hunk['state'] == 'pending'):
                print(f"\n{file['path']}: lines {hunk['first']} to {hunk['first'] + hunk['removed'] - 1} become\n{hunk['text']}")
                word = 'accept' if ask('accept? [y/N] ').lower().startswith('y') else 'refuse'
                choice = {'patch': self.patch, 'path': file['path'], 'hunk': hunk['index'], 'resolution': word}
                self.request('animus/patch/resolve', choice)
                self.pump(lambda: self.problem or self.state(file['path'], hunk['index']) != 'pending')
        print('the patch is', self.request('animus/patch/get', {'patch': self.patch})['state'])

    def run(self, prompt, files):
        for file in files:
            if not (self.root / file).is_file(): sys.exit(f'{file} is no file')
            self.open(self.root / file)
        task = self.request('animus/task/start', {'prompt': prompt, 'land': 'review'})['task']
        while not self.finished:
            try:
                self.pump(lambda: self.finished or self.questions)
                while self.questions and not self.finished:
                    self.answer(self.questions.pop(0))
            except (KeyboardInterrupt, EOFError):
                self.request('animus/task/cancel', {'task': task})
        try:
            if self.patch: self.review()
        except (KeyboardInterrupt, EOFError): print('\nwhat was not decided waits in the patch')
        self.request('shutdown', None)
        self.tell('exit', None)
        self.door.end()
        return self.finished['exitCode']

def ask(question):
    """`input` loses a Ctrl-C that comes while it shows the question."""
    print(question, end='', flush=True)
    line = sys.stdin.readline()
    if not line: raise EOFError
    return line.strip()

def place(at):
    return at['line'], at['character']

if __name__ == '__main__':
    if sys.argv[1:2] == ['--transcript']:
        from replay import replay
        sys.exit(not all([replay(name) for name in sys.argv[2:]]))
    try:
        sys.exit(Client(sys.argv[1]).run(sys.argv[2], sys.argv[3:]) if len(sys.argv) > 2 else __doc__)
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
