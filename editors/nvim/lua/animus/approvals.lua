-- Approvals: the questions that wait for a person, one after the other. Nobody is asked while he types, closing a question
-- answers nothing, and no answer within its time is a no.
local M = {}

-- How long the keys must rest before a question comes up, in milliseconds.
local REST = 700

-- Open questions in the order they came: `{approval, client, ends, closed}`.
local waiting = {}

-- The question that is on the screen.
local asking

local function notify(...)
  require('animus').notify(...)
end

local function find(id)
  for index, question in ipairs(waiting) do
    if question.approval.id == id then
      return question, index
    end
  end
end

local function forget(id)
  local _, index = find(id)
  if index then
    table.remove(waiting, index)
    require('animus.status').changed()
  end
end

function M.count()
  return #waiting
end

function M.ids()
  return vim.tbl_map(function(question)
    return question.approval.id
  end, waiting)
end

-- The noes first, then the narrowest yes.
local function answers(approval)
  local noes, yeses = {}, {}
  for _, option in ipairs(approval.options) do
    table.insert(vim.startswith(option.kind, 'reject') and noes or yeses, option)
  end
  table.sort(noes, function(a, b)
    return a.kind == 'reject_once' and b.kind ~= 'reject_once'
  end)
  return vim.list_extend(noes, yeses)
end

local function words(question)
  local approval = question.approval
  local lines = { approval.title }
  for _, detail in ipairs(approval.details) do
    table.insert(lines, '  ' .. detail)
  end
  vim.list_extend(lines, approval.reasons)
  local left = math.max(0, math.floor((question.ends - vim.uv.now()) / 1000))
  local more = #waiting > 1 and ('; %d more wait'):format(#waiting - 1) or ''
  table.insert(lines, ('No answer within %d s is a no%s.'):format(left, more))
  return table.concat(lines, '\n')
end

local function ask(question)
  local approval = question.approval
  asking = approval.id
  vim.ui.select(answers(approval), {
    prompt = words(question),
    kind = 'animus.approval',
    format_item = function(option)
      return option.name
    end,
  }, function(option)
    asking = nil
    if not find(approval.id) then
      return option and notify('that question is answered already')
    elseif not option then
      question.closed = true
      return notify('the question stays open: :Animus approve')
    end
    local params = { approval = approval.id, option = option.kind, scope = option.scope }
    require('animus').request('approval/resolve', params, nil, question.client, function(err)
      forget(approval.id)
      -- Somebody was faster, or its time is over.
      if type(err.data) == 'table' and err.data.code == 'not_found' then
        notify('that question is answered already')
        return true
      end
    end)
    forget(approval.id)
    M.next()
  end)
end

-- When a key was last hit.
local hit = 0
vim.on_key(function()
  hit = vim.uv.now()
end)

-- Typing is never interrupted: a question waits for normal mode, and for hands that rest.
local function free()
  return vim.api.nvim_get_mode().mode == 'n' and vim.fn.getcmdwintype() == ''
end

local timer = assert(vim.uv.new_timer())

-- Whether a question may come up by itself: those of tasks that others started wait for `:Animus approve`.
local function ours(question)
  return require('animus').options.approvals == 'ask' and require('animus.tasks').is_mine(question.approval.task)
end

-- Asks the question that came first and was not closed, once a person can be asked.
function M.next()
  local question = vim.iter(waiting):find(function(candidate)
    return not candidate.closed and ours(candidate)
  end)
  if not question or asking or not free() then
    return
  end
  local rested = vim.uv.now() - hit
  if rested < REST then
    return timer:start(REST - rested, 0, vim.schedule_wrap(M.next))
  end
  ask(question)
end

-- `$/animus/approval`: a question, or what became of one.
function M.take(client, approval)
  if approval.state ~= 'pending' then
    forget(approval.id)
    return
  end
  if find(approval.id) then
    return
  end
  local question = { approval = approval, client = client, ends = vim.uv.now() + approval.deadlineSeconds * 1000 }
  table.insert(waiting, question)
  require('animus.status').changed()
  if not ours(question) or not free() or asking then
    notify(('the agent asks: %s (:Animus approve)'):format(approval.title), vim.log.levels.WARN)
  end
  M.next()
end

-- `:Animus approve`: the named question, else the first, also one of another process of the workspace.
function M.open(id)
  asking = nil
  local question = id and find(id) or not id and waiting[1]
  if question then
    return ask(question)
  end
  local client = require('animus').client()
  require('animus').request('approval/list', {}, function(result)
    for _, approval in ipairs(result.approvals) do
      if not find(approval.id) and (not id or approval.id == id) then
        table.insert(waiting, { approval = approval, client = client, ends = vim.uv.now() + approval.deadlineSeconds * 1000 })
      end
    end
    question = id and find(id) or not id and waiting[1]
    if question then
      return ask(question)
    end
    notify('no question is open')
  end, client)
end

local group = vim.api.nvim_create_augroup('animus.approvals', { clear = true })

-- The server is gone, and its questions with it.
vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = vim.schedule_wrap(function()
    waiting = vim.tbl_filter(function(question)
      return question.client and not question.client:is_stopped()
    end, waiting)
  end),
})

vim.api.nvim_create_autocmd('ModeChanged', {
  group = group,
  pattern = '*:n',
  callback = vim.schedule_wrap(M.next),
})

return M
