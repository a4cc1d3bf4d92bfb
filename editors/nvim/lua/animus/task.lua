-- Task: what the events of one task add up to. The view, the status line and the findings read it.
local M = {}

function M.new(id)
  return { id = id, title = '', model = '', root = '', phase = 'intake', plan = {}, tokens = { input = 0, output = 0 }, calls = {} }
end

local folds = {
  started = function(task, u)
    local prompt = u.request.prompt ~= '' and vim.split(u.request.prompt, '\n')[1]
    local target = u.request.target
    task.title = prompt or target and ('%s %s:%d'):format(u.request.intent, target.path, target.startLine) or u.request.intent
    task.model, task.scripted, task.root = u.model, u.scripted, u.root
  end,
  phase = function(task, u)
    task.phase = u.phase
  end,
  plan = function(task, u)
    task.plan = u.plan.entries
  end,
  toolCall = function(task, u)
    task.calls[u.call.id] = u.call
  end,
  critique = function(task, u)
    task.critique = u.critique
  end,
  test = function(task, u)
    task.test = u.report
  end,
  patch = function(task, u)
    task.patch = u.patch.id
  end,
  usage = function(task, u)
    local usage, tokens = u.usage, task.tokens
    tokens.input, tokens.output = tokens.input + usage.inputTokens, tokens.output + usage.outputTokens
    tokens.estimated = tokens.estimated or usage.estimated
    if usage.costMicroUsd then
      task.cost = (task.cost or 0) + usage.costMicroUsd
    else
      task.unpriced = true
    end
  end,
  finished = function(task, u)
    task.phase, task.finished, task.summary = 'finished', u.reason, u.summary
  end,
}

function M.take(task, update)
  local fold = folds[update.type]
  if fold then
    fold(task, update)
  end
end

-- What was spent, in words. A price that nobody knows is said to be unknown; it is not nothing.
function M.spent(cost, unpriced)
  if cost and cost > 0 then
    return ('$%.4f%s'):format(cost / 1e6, unpriced and ' and unknown' or '')
  end
  return unpriced and 'cost unknown' or cost and '$0' or nil
end

local function short(count)
  return count < 10000 and tostring(count) or ('%.1fk'):format(count / 1000)
end

function M.tokens(task)
  local tokens = task.tokens
  if tokens.input + tokens.output == 0 then
    return nil
  end
  return ('%s%s in, %s out'):format(tokens.estimated and '~' or '', short(tokens.input), short(tokens.output))
end

-- The tests' counts in words.
function M.tests(report)
  local counts = {}
  for _, word in ipairs({ 'passed', 'failed' }) do
    table.insert(counts, report[word] and ('%d %s'):format(report[word], word) or nil)
  end
  local standing = report.standings or {}
  for key, word in pairs({ introduced = 'new', preExisting = 'failed before', flaky = 'flaky', fixed = 'fixed' }) do
    if (standing[key] or 0) > 0 then
      table.insert(counts, ('%d %s'):format(standing[key], word))
    end
  end
  return ('tests %s%s'):format(report.verdict, #counts > 0 and ': ' .. table.concat(counts, ', ') or '')
end

-- The step that is being worked on, as `[2/3] words`.
function M.step(task)
  for index, step in ipairs(task.plan) do
    if step.status == 'in_progress' then
      return ('[%d/%d] %s'):format(index, #task.plan, step.content)
    end
  end
end

return M
