-- Findings: what the critic found and which tests fail, as a quickfix list.
local M = {}

local animus = require('animus')

local severities = { critical = 'E', warning = 'W', info = 'I' }
local standings = {
  introduced = { 'E', 'fails since this patch' },
  pre_existing = { 'W', 'failed before' },
  flaky = { 'W', 'fails now and then' },
}

-- The findings of a task as items of a quickfix list. Those without a file only say something.
function M.items(task)
  local items = {}
  local function add(path, line, kind, text)
    table.insert(items, {
      filename = path and vim.fs.joinpath(task.root, path) or nil,
      lnum = path and (line or 1) or nil,
      valid = path and 1 or 0,
      type = kind,
      text = text,
    })
  end
  for _, finding in ipairs(task.critique and task.critique.findings or {}) do
    add(finding.path, finding.line, severities[finding.severity], 'critic: ' .. finding.message)
  end
  local listed = {}
  for _, failure in ipairs(task.test and task.test.failures or {}) do
    local message = failure.message and (': ' .. failure.message:gsub('%s*\n%s*', ' ')) or ''
    listed[failure.name] = true
    -- What the patch fixed is listed too, and is nothing to look at.
    if standings[failure.standing] then
      local kind, says = unpack(standings[failure.standing])
      add(failure.path, failure.line, kind, ('test %s %s%s'):format(failure.name, says, message))
    end
  end
  for _, name in ipairs(task.test and task.test.verdict ~= 'passed' and task.test.failing or {}) do
    if not listed[name] then
      add(nil, nil, 'E', ('test %s fails'):format(name))
    end
  end
  return items
end

-- Fills the quickfix list; opens it where there is something to see.
function M.show(task, quiet)
  local items = M.items(task)
  if #items == 0 then
    return quiet or animus.notify(('no findings: %s'):format(task.title))
  end
  vim.fn.setqflist({}, ' ', { title = 'Animus: ' .. task.title, items = items, context = { animus = { task = task.id, patch = task.patch } } })
  local here = vim.api.nvim_get_current_win()
  vim.cmd(('botright copen %d'):format(math.min(10, math.max(3, #items))))
  vim.api.nvim_set_current_win(here)
end

-- `:Animus findings`: of the named task or patch, else of the newest task.
function M.open(id)
  local tasks = require('animus.tasks')
  local patch = tasks.patches[id]
  local task = patch and patch.task or id or tasks.latest
  if not task then
    return animus.notify('no task yet')
  end
  tasks.known(task, function(known)
    M.show(known)
  end)
end

-- A task is over: its findings are offered, or shown where the options say so.
function M.over(task)
  local says = animus.options.findings
  local count = says and #M.items(task) or 0
  if count == 0 then
    return
  end
  if says == 'open' and require('animus.tasks').is_mine(task.id) and vim.api.nvim_get_mode().mode == 'n' and vim.fn.getcmdwintype() == '' then
    return M.show(task, true)
  end
  animus.notify(('%d finding%s: :Animus findings'):format(count, count == 1 and '' or 's'))
end

return M
