-- The client configuration of Animus: `vim.lsp.enable('animus')` starts it. Change it with `vim.lsp.config('animus', {...})`.
return {
  cmd = { vim.env.ANIMUS_BIN or 'animus', 'lsp' },
  root_markers = { { 'animus.yaml', '.animus', '.git' }, { 'Cargo.toml', 'go.mod', 'package.json', 'pyproject.toml' } },
  workspace_required = true,
  -- Hunks are placed in the text that the server knows, so it always knows the newest.
  flags = { debounce_text_changes = 0 },
  capabilities = {
    -- Neovim 0.11 takes versioned edits without saying so; `animus.edit` checks the versions that Neovim does not.
    workspace = { workspaceEdit = { documentChanges = true } },
    -- Registered once the server's configuration is read, and only where it wants it.
    textDocument = { inlineCompletion = { dynamicRegistration = true } },
    experimental = {
      animus = { protocol = { 1 }, notifications = true, acks = true, verbs = require('animus').verbs },
    },
  },
  handlers = require('animus.tasks').handlers,
  on_exit = require('animus.tasks').gone,
}
