/** `GET /api/v1/me`: who asks, and how far the token reaches. */
export interface Me {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'editor' | 'approver' | 'operator' | 'admin' | 'service';
  /** Patterns; `*` stands for any characters. */
  readonly scope: { readonly env: string; readonly service: string };
  /** RFC 3339; absent = never. */
  readonly expiresAt?: string;
  readonly deployment: string;
  /** Environments the caller may see, in the order of headwater.json. */
  readonly environments: readonly string[];
}

/** `POST /api/v1/session`: one of the two. */
export type LoginRequest = { readonly token: string } | { readonly login: string };
