" The task view.
if exists('b:current_syntax')
  finish
endif
syntax match AnimusTitle /^# .*/
syntax match AnimusPhase /^## .*/
syntax match AnimusPending /^\[ \] .*/
syntax match AnimusNow /^\[>\] .*/
syntax match AnimusDone /^\s*\[x\].*/
syntax match AnimusFailed /^\s*\[!\].*/
syntax match AnimusTool /^> .*/
syntax match AnimusQuestion /^asks: .*/
syntax match AnimusOutput /^  │ .*/
syntax match AnimusAddedLine /^  │ +.*/
syntax match AnimusRemovedLine /^  │ -.*/
highlight default link AnimusTitle Title
highlight default link AnimusPhase Statement
highlight default link AnimusPending Comment
highlight default link AnimusNow Todo
highlight default link AnimusDone Comment
highlight default link AnimusFailed DiagnosticError
highlight default link AnimusTool Function
highlight default link AnimusQuestion WarningMsg
highlight default link AnimusOutput Comment
highlight default link AnimusAddedLine Added
highlight default link AnimusRemovedLine Removed
let b:current_syntax = 'animus'
