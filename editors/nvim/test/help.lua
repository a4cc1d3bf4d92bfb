-- The help page and the code say the same: commands, options, <Plug> maps, events and highlights, both ways.
package.path = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))) .. '/?.lua;' .. package.path
local check = require('check')
check.session = 'nvim-help'
local plugin = vim.fs.dirname(vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2))))
local help = check.disk(plugin .. '/doc/animus.txt')
vim.cmd.runtime('plugin/animus.lua')

-- What a pattern finds in a text, each once.
local function all(text, pattern)
  local found = {}
  for word in text:gmatch(pattern) do
    found[word] = true
  end
  return vim.fn.sort(vim.tbl_keys(found))
end

local function code()
  local texts = {}
  for _, part in ipairs({ 'lua', 'lsp', 'plugin', 'syntax' }) do
    for name, kind in vim.fs.dir(plugin .. '/' .. part, { depth = 4 }) do
      if kind == 'file' then
        table.insert(texts, check.disk(vim.fs.joinpath(plugin, part, name)))
      end
    end
  end
  return table.concat(texts, '\n')
end

check.test('commands_are_those_of_the_code', function()
  local names = require('animus.commands').names()
  check.equal(all(help, '%*:Animus%-([%w_]+)%*'), names)
  local plugs = vim.tbl_map(function(name)
    return (name:gsub('_', '-'))
  end, names)
  vim.list_extend(plugs, all(code(), "'<Plug>%(animus%-([%w-]+)%)'"))
  check.equal(all(help, '<Plug>%(animus%-([%w-]+)%)'), vim.fn.uniq(vim.fn.sort(plugs)))
  for _, name in ipairs(names) do
    check.has(vim.fn.maparg(require('animus.commands').plug(name), 'n', false, true).desc, 'Animus: ')
  end
  check.has(vim.fn.maparg('<Plug>(animus-complete-accept)', 'i', false, true).desc, 'Animus: ')
end)

check.test('options_are_those_of_the_code_with_their_defaults', function()
  local known = require('animus.options').known
  check.equal(all(help, '%*animus%-option%-(%w+)%*'), vim.fn.sort(vim.tbl_keys(known)))
  for name, option in pairs(known) do
    local said = help:match('\n' .. name .. '%s+(%S+)%s+%*animus%-option%-' .. name .. '%*')
    check.equal(said, type(option.default) == 'string' and ("'%s'"):format(option.default) or tostring(option.default))
  end
end)

check.test('highlights_and_events_are_those_of_the_code', function()
  local text = code()
  local groups = all(text, "(Animus%u%a+) = '")
  vim.list_extend(groups, all(text, "set_hl%(0, '(Animus%a+)'"))
  vim.list_extend(groups, all(text, 'highlight default link (Animus%a+)'))
  check.equal(all(help, '%*hl%-(Animus%a+)%*'), vim.fn.sort(groups))
  check.equal(all(help, '%*(Animus%u%a+)%*'), all(text, "pattern = '(Animus%a+)'"))
end)

check.test('helptags_finds_no_fault_and_every_link_has_its_place', function()
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder, 'p')
  vim.fn.writefile(vim.split(help, '\n'), folder .. '/animus.txt', 'b')
  vim.cmd.helptags(folder)
  local tags = check.disk(folder .. '/tags')
  local links = all(help, '|([%w:-]*[aA]nimus[%w_-]*)|')
  assert(#links > 10, 'too few links')
  for _, link in ipairs(links) do
    check.has('\n' .. tags, '\n' .. link .. '\t')
  end
  for line in help:gmatch('[^\n]+') do
    assert(vim.fn.strdisplaywidth(line) <= 80, 'too long: ' .. line)
  end
end)

check.test('wrong_options_are_told_or_refused', function()
  local options = require('animus.options')
  local set, problems = options.check({ vew = 'float', save = 'all' })
  check.equal(problems, { 'no option vew; did you mean view?' })
  check.equal({ set.save, set.view, set.vew == nil }, { 'all', 'split', true })
  for name, value in pairs({ view = 'left', height = 'ten', land = true, findings = 'sometimes', cmd = 'animus', keymaps = 'yes', complete = 1, width = 0 }) do
    local ok, problem = pcall(options.check, { [name] = value })
    check.equal(ok, false)
    check.has(problem, 'animus option ' .. name)
  end
  for _, height in ipairs({ -3, 0, 1.5 }) do
    check.equal(pcall(options.check, { height = height }), false)
  end
  local keys, unknown = options.check({ keymaps = { acept = '<leader>y', next = ']h' } })
  check.equal({ keys.keymaps, unknown }, { { next = ']h' }, { 'no key keymaps.acept; did you mean accept?' } })
  check.equal(pcall(options.check, { keymaps = { next = 1 } }), false)
  check.equal({ options.did_you_mean('aprove', { 'accept', 'approve' }), options.did_you_mean('xyz', { 'approve' }) }, { '; did you mean approve?', '' })
end)

check.test('the_ways_to_install_make_help_tags', function()
  for _, page in ipairs({ 'README.md', 'doc/animus.txt' }) do
    local text = check.disk(plugin .. '/' .. page)
    check.has(text:match('cp %-r editors/nvim.-\n[`<]'), "nvim --headless '+helptags ALL' +q")
  end
end)

-- What is told while something runs.
local function said(run)
  local words, notify = {}, vim.notify
  vim.notify = function(message)
    table.insert(words, message)
  end
  run()
  vim.notify = notify
  return words
end

check.test('a_program_that_is_not_there_is_told_at_once_and_when_asked', function()
  local words = said(function()
    require('animus').setup({ cmd = { 'no-such-animus', 'lsp' } })
    local done = false
    vim.schedule(function()
      done = true
    end)
    check.wait('what was scheduled', 5000, function()
      return done
    end)
    require('animus').cancel()
  end)
  local word = 'Animus: `no-such-animus` is not on the path (:checkhealth animus)'
  check.equal(words, { word, word })
  vim.lsp.enable('animus', false)
end)

check.test('a_hint_is_said_once', function()
  for message, words in pairs({ ['no model: set a key'] = 'no model: set a key', ['no model'] = 'no model\nset a key' }) do
    local client = {
      request = function(_, _, _, answer)
        answer({ message = message, data = { hint = 'set a key' } })
      end,
    }
    check.equal(said(function()
      require('animus').request('status', {}, nil, client)
    end), { 'Animus: ' .. words })
  end
end)

check.finish()
