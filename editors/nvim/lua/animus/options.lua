-- Options: what `setup` takes, with its default and what it may be. A wrong type is an error; a word that nobody knows is told
-- and left out.
local M = {}

local function one_of(...)
  local words = { ... }
  return function(value)
    return vim.tbl_contains(words, value)
  end, 'one of ' .. table.concat(vim.tbl_map(vim.inspect, words), ', ')
end

local function count(value)
  return type(value) == 'number' and value >= 1 and value % 1 == 0
end

local function check(default, ...)
  local may, says = ...
  return { default = default, may = may, says = says }
end

M.known = {
  cmd = check(nil, 'table', 'a list such as { "/path/to/animus", "lsp" }'),
  config = check(nil, 'table', 'a table with keys of the configuration file'),
  land = check(nil, one_of('auto', 'review')),
  save = check(true, one_of(true, false, 'all')),
  view = check('split', one_of('split', 'vsplit', 'float', true, false)),
  height = check(14, count, 'lines, 1 or more'),
  width = check(72, count, 'columns, 1 or more'),
  approvals = check('ask', one_of('ask', 'notify')),
  findings = check('notify', one_of('notify', 'open', false)),
  complete = check(true, { 'boolean', 'string' }, 'true, false, or the key that accepts, such as "<Tab>"'),
  keymaps = check(nil, { 'boolean', 'table' }, 'true, false, or a table such as { accept = "<leader>y" }'),
}

-- What was wrong with the options of the last `check`, for `:checkhealth`.
M.problems = {}

-- How many letters must be put in, taken out or changed.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local before = row[0]
    row[0] = i
    for j = 1, #b do
      local old = row[j]
      row[j] = math.min(row[j] + 1, row[j - 1] + 1, before + (a:byte(i) == b:byte(j) and 0 or 1))
      before = old
    end
  end
  return row[#b]
end

-- `; did you mean WORD?` where one of the words is near enough, else nothing.
function M.did_you_mean(typed, words)
  local best, least = nil, math.max(1, math.floor(#typed / 2))
  for _, word in ipairs(words) do
    local far = vim.startswith(word, typed) and 0 or distance(typed, word)
    if far <= least then
      best, least = word, far - 1
    end
  end
  return best and ('; did you mean %s?'):format(best) or ''
end

-- The keys that there are; of others it is told.
local function keymaps(given)
  local names, keys = vim.tbl_keys(require('animus.review.keys').defaults), {}
  for name, key in pairs(given) do
    if vim.tbl_contains(names, name) then
      vim.validate('animus option keymaps.' .. name, key, 'string')
      keys[name] = key
    else
      table.insert(M.problems, ('no key keymaps.%s%s'):format(name, M.did_you_mean(tostring(name), vim.fn.sort(names))))
    end
  end
  return keys
end

-- The defaults with these options over them, and what was wrong.
function M.check(given)
  vim.validate('options', given, 'table', true)
  local words = vim.fn.sort(vim.tbl_keys(M.known))
  local options = {}
  for name, known in pairs(M.known) do
    options[name] = known.default
  end
  M.problems = {}
  for name, value in pairs(given or {}) do
    local known = M.known[name]
    if known then
      vim.validate('animus option ' .. name, value, known.may, false, known.says)
      options[name] = name == 'keymaps' and type(value) == 'table' and keymaps(value) or value
    else
      table.insert(M.problems, ('no option %s%s'):format(name, M.did_you_mean(tostring(name), words)))
    end
  end
  options.view = options.view == true and 'split' or options.view
  return options, M.problems
end

return M
