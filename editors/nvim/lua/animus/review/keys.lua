-- Keys of a buffer that shows hunks. There are none unless `vim.g.animus_keymaps` asks for them, and a key that is taken stays
-- what it is.
local M = {}

M.defaults = {
  next = ']h',
  prev = '[h',
  accept = '<localleader>ha',
  refuse = '<localleader>hr',
  undo = '<localleader>hu',
  edit = '<localleader>he',
  accept_file = '<localleader>hf',
  accept_all = '<localleader>hA',
  refuse_all = '<localleader>hR',
}

-- Per buffer: the keys that are set.
local bound = {}

local function wanted()
  local said = vim.g.animus_keymaps
  if type(said) == 'table' then
    return said
  end
  return (said == true or said == 1) and M.defaults or {}
end

-- Sets the keys while the buffer shows hunks, and takes them away after.
function M.bind(bufnr, shows)
  if shows and not bound[bufnr] then
    bound[bufnr] = {}
    vim.api.nvim_buf_call(bufnr, function()
      for name, lhs in pairs(wanted()) do
        if vim.fn.maparg(lhs, 'n') == '' then
          vim.keymap.set('n', lhs, ('<Plug>(animus-%s)'):format((name:gsub('_', '-'))), { buffer = bufnr, desc = 'Animus: ' .. name })
          table.insert(bound[bufnr], lhs)
        end
      end
    end)
  elseif not shows and bound[bufnr] then
    for _, lhs in ipairs(bound[bufnr]) do
      if vim.api.nvim_buf_is_valid(bufnr) then
        pcall(vim.keymap.del, 'n', lhs, { buffer = bufnr })
      end
    end
    bound[bufnr] = nil
  end
end

return M
