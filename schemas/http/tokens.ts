/** A token without its secret. */
export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'editor' | 'approver' | 'operator' | 'admin' | 'service';
  /** Patterns; `*` stands for any characters. */
  readonly scope: { readonly env: string; readonly service: string };
  /** RFC 3339, as the other times. */
  readonly createdAt: string;
  /** Absent: never. */
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

/** `GET /api/v1/tokens`: those within the caller's own scope, revoked and expired ones too. */
export interface TokenList {
  readonly tokens: readonly TokenView[];
}

/** `POST /api/v1/tokens`, for admins; nobody gives more than they have. */
export interface TokenRequest {
  readonly name: string;
  readonly role: TokenView['role'];
  /** Default: "*". A service's are exact names. */
  readonly env?: string;
  readonly service?: string;
  /** Days. Default 90 for people, never for services. */
  readonly expiresInDays?: number;
}

/** Its answer: the only time the token is shown. */
export interface CreatedTokenView extends TokenView {
  readonly token: string;
}
