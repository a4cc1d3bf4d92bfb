-- :Animus and its <Plug> maps. No key is set here; the server starts by `require('animus').setup()`.
if vim.g.loaded_animus then
  return
end
vim.g.loaded_animus = true
require('animus.commands').define()
vim.keymap.set('i', '<Plug>(animus-complete-accept)', function()
  require('animus.complete').accept()
end, { desc = 'Animus: Accept suggestion' })
