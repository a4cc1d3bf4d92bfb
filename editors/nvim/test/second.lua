-- A second Neovim on the same workspace: accepts the first hunk of the patch, refuses the third, and ends.
local menu, prices = arg[1], arg[2]
local patch = assert(vim.env.ANIMUS_TEST_PATCH)
vim.cmd('filetype on')
vim.cmd.cd(assert(vim.env.ANIMUS_TEST_WORKSPACE))
vim.cmd.runtime('plugin/animus.lua')
require('animus').setup({ view = false })

local function wait(what, condition)
  assert(vim.wait(15000, condition, 20), 'timed out waiting for ' .. what)
end

local function decide(path, number, line, word, state)
  vim.cmd.edit(path)
  wait('hunk ' .. number, function()
    return vim.iter(require('animus').hunks()):any(function(item)
      return item.patch == patch and item.number == number and item.state == 'pending'
    end)
  end)
  vim.api.nvim_win_set_cursor(0, { line, 0 })
  vim.cmd('Animus ' .. word)
  wait('the hunk to be ' .. state, function()
    for _, file in ipairs((require('animus.tasks').patches[patch] or {}).files or {}) do
      for _, hunk in ipairs(file.hunks) do
        if vim.endswith(path, file.path) and hunk.state == state then
          return not vim.bo.modified
        end
      end
    end
  end)
end

decide(menu, 1, 3, 'accept', 'accepted')
decide(prices, 3, 3, 'refuse', 'refused')
vim.lsp.enable('animus', false)
os.exit(0, true)
