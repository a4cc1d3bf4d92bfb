-- Status: one line about the agent, from what is known already: no request, no wait.
local M = {}

local shown

-- What the line is made of: `{state, model, spent, running, approvals}`; nothing where no server is attached.
function M.now()
  local tasks = require('animus.tasks')
  if #vim.lsp.get_clients({ name = 'animus' }) == 0 then
    return tasks.ended and { state = 'ended', running = 0, approvals = 0 } or nil
  end
  local now = { state = 'idle', running = 0, approvals = require('animus.approvals').count() }
  local cost, unpriced, newest
  for _, task in pairs(tasks.folds) do
    cost = task.cost and (cost or 0) + task.cost or cost
    unpriced = unpriced or task.unpriced
    if not task.finished then
      now.running = now.running + 1
      newest = (not newest or task.id == tasks.latest) and task or newest
    end
  end
  for _, model in ipairs(tasks.status and tasks.status.models or {}) do
    now.model = model.role == 'coder' and model.model or now.model
  end
  newest = newest or tasks.folds[tasks.latest]
  if newest then
    now.model = newest.model ~= '' and newest.model or now.model
    now.state = newest.finished or newest.phase
  end
  if now.approvals > 0 then
    now.state = 'asks'
  end
  now.spent = require('animus.task').spent(cost, unpriced)
  return now
end

-- `Animus act · provider/model · $0.0210`.
function M.line()
  local now = M.now()
  if not now then
    return ''
  end
  local state = now.running > 1 and ('%s (%d)'):format(now.state, now.running) or now.state
  return (table.concat(vim.iter({ 'Animus ' .. state, now.model or false, now.spent or false }):filter(function(part)
    return part
  end):totable(), ' · '):gsub('%%', '%%%%'))
end

-- Tells that the line is another one now.
function M.changed()
  local line = M.line()
  if line ~= shown then
    shown = line
    vim.api.nvim_exec_autocmds('User', { pattern = 'AnimusStatus', data = M.now() or {} })
  end
end

vim.api.nvim_create_autocmd({ 'LspAttach', 'LspDetach' }, {
  group = vim.api.nvim_create_augroup('animus.status', { clear = true }),
  callback = function(call)
    local client = vim.lsp.get_client_by_id(call.data.client_id)
    if not client or client.name ~= 'animus' then
      return
    end
    local tasks = require('animus.tasks')
    tasks.ended = tasks.ended and call.event ~= 'LspAttach'
    if call.event == 'LspAttach' and not tasks.status then
      require('animus').request('status', {}, function(now)
        tasks.status = now
        M.changed()
      end, client)
    end
    -- A client that detaches is still listed.
    vim.schedule(M.changed)
  end,
})

return M
