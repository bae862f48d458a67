/** Who makes the commits of the daemon; their author is whoever asked for them. `allowed_signers` names it by this address. */
export const daemonPerson = { name: 'Headwater', email: 'headwater@localhost' } as const;
