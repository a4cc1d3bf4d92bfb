;;; eglot.el --- real eglot with the config of docs/editors/emacs.md -*- lexical-binding: t; -*-
;; Each test prints `test eglot::NAME ... ok' or `... FAILED: why'. What a person would choose in the minibuffer is chosen by
;; `completing-read-function'; everything else is Emacs as it comes.
(require 'cl-lib)

(defvar check-failures 0)
(defvar check-messages nil "What the echo area showed, newest first.")
(defvar check-asked nil "Questions of the minibuffer with their answers, newest first.")
(defvar check-answer nil "A function of the prompt and the candidates that gives the answer.")
(defconst check-workspace (file-name-as-directory (getenv "ANIMUS_TEST_WORKSPACE")))

(advice-add 'message :before
            (lambda (format &rest args)
              (when format (push (apply #'format-message format args) check-messages))))

(defun check-complete (prompt table &optional _predicate _match initial &rest _)
  "Answer PROMPT as the person of this test does, from TABLE; RET alone is INITIAL."
  (let* ((all (all-completions "" table))
         (answer (funcall check-answer prompt all initial)))
    (push (cons prompt answer) check-asked)
    answer))
(setq completing-read-function #'check-complete)

(defmacro check-test (name &rest body)
  (declare (indent 1))
  `(let ((problem (condition-case failure (progn ,@body nil)
                    ((error quit) (format "%S" failure)))))
     (check-print ,(symbol-name name) problem)))

(defun check-print (name problem)
  (when problem (cl-incf check-failures))
  (let ((standard-output t))
    (princ (format "test eglot::%s ... %s\n" name
                   (if problem (concat "FAILED: " (replace-regexp-in-string "\n" " | " problem)) "ok")))))

(defun check-flush ()
  "Send what was typed, as the idle timer of eglot does outside of a batch."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (bound-and-true-p eglot--managed-mode) eglot--recent-changes)
        (eglot--signal-textDocument/didChange)))))

(defun check-wait (what condition)
  "Wait until CONDITION gives something, at most a minute."
  (let ((end (+ (float-time) 60)) found)
    (while (not (or (setq found (funcall condition)) (> (float-time) end)))
      (accept-process-output nil 0.05)
      (check-flush))
    (or found (error "Timed out waiting for %s; said: %S; asked: %S" what
                     (seq-take check-messages 6) (seq-take check-asked 3)))))

(defun check-equal (actual expected)
  (unless (equal actual expected) (error "Expected %S, not %S" expected actual)))

(defun check-open (path)
  (switch-to-buffer (find-file-noselect (expand-file-name path check-workspace)))
  (unless eglot--managed-mode
    (eglot-ensure)
    (run-hooks 'post-command-hook)
    (check-wait "eglot" (lambda () eglot--managed-mode)))
  (current-buffer))

(defun check-text ()
  (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max))))

(defun check-titles ()
  (mapcar (lambda (action) (plist-get action :title)) (eglot-code-actions (point) (point))))

(defun check-take (begins)
  "Take the code action at point whose title BEGINS so, as `M-x eglot-code-actions' and the minibuffer do."
  (check-wait begins (lambda () (cl-some (lambda (title) (string-prefix-p begins title)) (check-titles))))
  (let ((check-answer (lambda (_prompt all _initial)
                        (cl-find-if (lambda (title) (string-prefix-p begins title)) all)))
        (last-nonmenu-event t))
    (eglot-code-actions (point) (point) nil t)))

(defun check-to (line)
  (goto-char (point-min))
  (search-forward line)
  (beginning-of-line))

(defun check-said (part)
  (cl-some (lambda (said) (and (string-match-p (regexp-quote part) said) said)) check-messages))

(defun check-result (task)
  "The last result of a tool in TASK, once that has ended."
  (check-wait "the task to end"
              (lambda ()
                (let (result ended)
                  (mapc (lambda (event)
                          (let ((update (plist-get event :update)))
                            (pcase (plist-get update :type)
                              ("toolResult" (setq result (plist-get update :result)))
                              ("finished" (setq ended t)))))
                        (plist-get (animus-call "task.replay" :task task) :events))
                  (and ended (or result t))))))

(defun check-page ()
  "The first block of the page on Emacs, evaluated as an init file would be."
  (let ((page (expand-file-name "../../docs/editors/emacs.md"
                                (file-name-directory (or load-file-name buffer-file-name)))))
    (with-temp-buffer
      (insert-file-contents page)
      (search-forward "```elisp\n")
      (let ((start (point)))
        (search-forward "\n```")
        (eval-region start (match-beginning 0))))
    ;; The other blocks of the page are Lisp at least.
    (with-temp-buffer
      (insert-file-contents page)
      (while (re-search-forward "^```elisp\n" nil t)
        (let ((start (point)) (end (progn (search-forward "\n```") (match-beginning 0))))
          (save-restriction
            (narrow-to-region start end)
            (goto-char start)
            (while (progn (skip-chars-forward " \t\n") (not (eobp))) (read (current-buffer)))))))))

(push (file-name-directory (getenv "ANIMUS_BIN")) exec-path)
(check-test the_config_of_the_page_starts_the_server
  (check-page)
  (check-open "asked/hello.sh")
  (check-equal (plist-get (eglot--server-info (eglot-current-server)) :name) "animus"))

(check-test return_alone_is_no_and_a_choice_is_a_choice
  (check-open "asked/hello.sh")
  (cl-flet ((ask (answer)
              (setq check-asked nil check-answer answer)
              (check-result (plist-get (animus-ask "run the script") :task))))
    (let ((result (ask (lambda (_prompt _all initial) initial))))
      (check-equal (plist-get (plist-get result :failure) :code) "denied"))
    (unless (string-match-p "sh asked/hello.sh" (caar check-asked))
      (error "The question is %S" (caar check-asked)))
    (let ((result (ask (lambda (_prompt all _initial) (car (member "Deny" all))))))
      (check-equal (plist-get (plist-get result :failure) :code) "denied"))
    (let ((result (ask (lambda (_prompt all _initial) (car (member "Allow once" all))))))
      (check-equal (plist-get result :exitCode) 0)
      (unless (string-match-p "hello" (plist-get result :output)) (error "It did not run: %S" result)))))

(check-test a_comment_asks_and_hunks_are_decided_at_the_lines
  (setq check-messages nil)
  (check-open "show/prices.txt")
  (check-open "show/menu.txt")
  (goto-char (point-max))
  (insert "\n# animus: better drinks\n")
  (forward-line -1)
  (check-take "Ask agent to do: better drinks")
  (check-wait "the last words" (lambda () (check-said "Agent: ")))
  (check-to "cappuccino")
  (check-take "Accept hunk 1 of 2")
  (check-wait "the hunk" (lambda () (string-match-p "flat white\t3.40\ngreen tea — sencha\t2.70" (check-text))))
  (check-to "pain au chocolat")
  (check-take "Refuse hunk 2 of 2")
  (check-wait "the refusal" (lambda () (not (cl-some (lambda (title) (string-match-p "hunk 2 of 2" title)) (check-titles)))))
  (check-equal (string-match-p "brioche" (check-text)) nil)
  (check-to "flat white")
  (check-take "Take back hunk 1 of 2")
  (check-wait "the way back" (lambda () (string-match-p "espresso\t2.00\ncappuccino\t3.00\ntea" (check-text)))))

(check-test the_review_document_is_a_file_with_the_same_decisions
  (check-open "show/menu.txt")
  (check-to "espresso")
  (setq check-messages nil)
  (check-take "Review the agent's patch")
  (let* ((words (check-wait "its path" (lambda () (check-said "The review is in "))))
         (path (and (string-match "in \\(/.*\\.diff\\)" words) (match-string 1 words)))
         (prices (get-file-buffer (expand-file-name "show/prices.txt" check-workspace))))
    (find-file path)
    (check-wait "eglot in it" (lambda () eglot--managed-mode))
    (check-to "+Cards are welcome")
    (check-take "Accept hunk 1 of 1 in show/prices.txt")
    (check-wait "the hunk" (lambda () (with-current-buffer prices (string-match-p "Cards are welcome from 3.00." (check-text)))))
    ;; The document follows.
    (check-wait "the document" (lambda () (revert-buffer t t t)
                                 (string-match-p "^@@ .*accepted" (check-text))))
    ;; And leads back to the lines.
    (check-to "+Cards are welcome")
    (let ((found (xref-backend-definitions 'eglot "LSP identifier at point.")))
      (ignore found))))

(check-test a_landed_patch_is_undone
  (let ((prices (get-file-buffer (expand-file-name "show/prices.txt" check-workspace))))
    ;; The review document shows a decision a moment before it is on record as landed.
    (check-wait "a patch to undo" (lambda () (ignore-errors (animus-undo) t)))
    (check-wait "the old line" (lambda () (with-current-buffer prices (string-match-p "^Cards from 5.00." (check-text)))))))

(check-test a_prompt_document_sends_steers_and_cancels
  (switch-to-buffer (find-file-noselect (expand-file-name "ask.animus.md" check-workspace)))
  (insert "Look at the notes.\n\nTake your time.\n---\nMind the dates.\n")
  (unless eglot--managed-mode (check-open "ask.animus.md"))
  (goto-char (point-min))
  (check-take "Send to the agent: Look at the notes.")
  (goto-char (point-max))
  (forward-line -1)
  (check-take "Tell the agent's task (Look at the notes.): Mind the dates.")
  (setq check-messages nil)
  (check-take "Cancel the agent's task")
  ;; Emacs 28 lets lie a message that it read together with an answer until something else comes: the titles do.
  (check-wait "the end" (lambda () (check-titles) (check-said "Agent: cancelled"))))

(check-test it_ends_in_order
  (let ((server (eglot-current-server)))
    (dolist (buffer (buffer-list)) (with-current-buffer buffer (set-buffer-modified-p nil)))
    (eglot-shutdown server nil 10)
    (check-equal (jsonrpc-running-p server) nil)))

(kill-emacs (if (zerop check-failures) 0 1))
