;;; probe.el --- Does in Emacs what a person does with Eglot -*- lexical-binding: t -*-
;; Opens a file, waits for a finding, reads its hover, takes its fix, saves. The request is JSON in $PROBE; what was seen goes
;; as JSON to its `answer'.

(require 'package)
(package-initialize)
(require 'eglot)
(require 'json)

(defvar probe (json-parse-string (getenv "PROBE") :object-type 'alist :array-type 'list))
(defvar seen nil)

(defun probe-get (key) (alist-get key probe))

(defun note (key value) (push (cons key value) seen))

(defun until-true (see what)
  "Run the event loop until SEE gives something, which is returned; WHAT tells what was missing."
  (let ((end (+ (float-time) 30)) found)
    (while (not (or (setq found (funcall see)) (> (float-time) end)))
      (accept-process-output nil 0.1))
    (or found (error "Not in time: %s" what))))

(defun finding ()
  "The diagnostic that was asked for, once Flymake has it."
  (flymake-start)
  (seq-find (lambda (it) (string-match-p (regexp-quote (probe-get 'says)) (flymake-diagnostic-text it)))
            (flymake-diagnostics)))

(condition-case reason
    (let ((root (file-name-as-directory (probe-get 'root)))
          (make-backup-files nil)
          (create-lockfiles nil))
      (setq eglot-confirm-server-initiated-edits nil
            eglot-sync-connect 30
            project-find-functions (list (lambda (_) (cons 'transient root))))
      (setq eglot-server-programs (list (cons 'python-mode (probe-get 'command))))
      (note 'version emacs-version)
      (find-file (probe-get 'file))
      (apply #'eglot (eglot--guess-contact))
      (let* ((it (until-true #'finding (probe-get 'says))))
        (note 'finding (list (cons 'message (flymake-diagnostic-text it))
                             (cons 'line (line-number-at-pos (flymake-diagnostic-beg it)))
                             (cons 'text (buffer-substring-no-properties
                                          (flymake-diagnostic-beg it) (flymake-diagnostic-end it)))))
        (goto-char (flymake-diagnostic-beg it))
        (let* ((hover (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                                       (eglot--TextDocumentPositionParams)))
               (contents (plist-get hover :contents)))
          (note 'hover (if (stringp contents) contents (plist-get contents :value)))
          (note 'hoverKind (and (listp contents) (plist-get contents :kind))))
        (let* ((actions (eglot-code-actions (flymake-diagnostic-beg it) (flymake-diagnostic-end it)))
               (titles (mapcar (lambda (it) (plist-get it :title)) actions)))
          (note 'actions (vconcat titles))
          ;; What a person does in the minibuffer.
          (cl-letf (((symbol-function 'completing-read)
                     (lambda (&rest _) (seq-find (lambda (it) (string-match-p (regexp-quote (probe-get 'action)) it)) titles)))
                    (last-nonmenu-event t))
            (eglot-code-actions (flymake-diagnostic-beg it) (flymake-diagnostic-end it) nil t)))
        (save-buffer) ; sends the change too: the idle timer that does it else never runs in batch mode
        (until-true (lambda () (not (finding))) "the finding is gone")
        (eglot-shutdown (eglot--current-server-or-lose))))
  (error (note 'error (error-message-string reason))))
(with-temp-file (probe-get 'answer) (insert (json-encode seen)))
;;; probe.el ends here
